"""Local: bounded numbers whose errors end at each boundary, and what they come to at the end of a deep formula.

Carried on from layer to layer in the worst case, errors double and double again until the bound says nothing. Here each
component, and each projection, is bounded by itself, on exact input; how far such a local error reaches is said by the
derivative of the output by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from veriformer.spec.numbers.bounded import Bounded
from veriformer.spec.numbers.tape import Tape, in_order, pull_back

FAILURE = 1e-9
"""The probability with which an honest array of outputs may be accused, if what `sigma_bound` assumes is true."""


class Local(Bounded):
    """A bounded number that begins anew, free of error, at each boundary. `born`: the error that ended there."""

    born: np.ndarray | None = None

    def boundary(self) -> Self:
        """The result of a component, as the next one gets it: exact. Its own error is kept beside it."""
        rounded = super().boundary()
        anew = self.of(rounded.value, 0.0).held_if(rounded.held)
        anew.born = rounded.error
        return anew


def sigma_bound(output: Tape) -> np.ndarray:
    """sqrt(2 ln(2 N / 1e-9)) sigma for each of the N outputs of a formula that ran on tapes over local numbers.

    Let d_i be the error that component or projection i adds to one element of its result, on the input that it is given, and
    b_i its bound. To first order the error of output y is sum_i (dy / dz_i) d_i. If the d_i are independent, and 0 on
    average, Hoeffding's inequality for variables in [-b_i, b_i] says

        P(|sum_i (dy / dz_i) d_i| > t sigma) <= 2 exp(-t^2 / 2),    sigma^2 = sum_i (dy / dz_i)^2 b_i^2,

    and with t^2 = 2 ln(2 N / 1e-9) all N outputs together exceed t sigma with probability 1e-9 at most.

    Hoeffding, "Probability inequalities for sums of bounded random variables", J. Amer. Statist. Assoc. 58 (1963), theorem 2;
    independent roundings: Higham & Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41
    (2019). It is assumed, not proved, that the errors are independent and unbiased (the bias of each element is a small part
    of a worst-case bound); sums that stagnate in a half type are biased, and not covered. Terms of second order, and outputs
    whose rectifiers open or close within the error, are left out: at the sizes drawn they are far below the first.
    """
    nodes = [node for node in in_order(output) if node.is_boundary]
    size = output.size
    carried = [one_output(output, nodes, place) for place in range(size)]
    factor = np.sqrt(2 * np.log(2 * max(size, 1) / FAILURE))
    return np.asarray(factor * np.array(carried, dtype=np.float64).reshape(output.shape))


def one_output(output: Tape, nodes: list[Tape], place: int) -> float:
    """sigma of one output: the root of all squares, without under- or overflow on the way."""
    seed = np.zeros(output.size)
    seed[place] = 1.0
    flows = pull_back(output, output.value.of(seed.reshape(output.shape), 0.0), nodes)
    with np.errstate(all="ignore"):
        shares = [
            np.abs(flow.value) * node.value.born for node, flow in zip(nodes, flows, strict=True) if flow is not None
        ]
    return root_of_squares(shares)


def root_of_squares(parts: Iterable[Any]) -> float:
    """sqrt(sum of all squares), inf where one of them is no number."""
    total = 0.0
    for part in parts:
        total = float(np.hypot(total, np.hypot.reduce(np.ravel(part), initial=0.0)))
    return total if np.isfinite(total) else float("inf")
