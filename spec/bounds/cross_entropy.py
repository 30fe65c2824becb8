"""How far an honest cross-entropy of one position may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import log_softmax, softmax
from veriformer.spec.numbers.bounded import Bounded, in_any_order, or_infinite
from veriformer.spec.numbers.precision import gamma


def forward(x: Bounded, shares: Bounded, *, even: Bounded | None = None, possible: Any = None) -> Bounded:
    """-sum_k a_k y_k with y = log_softmax(x), in any order of the sum; or A L - sum_k a_k x_k with A = sum_k a_k and
    L = max + log sum exp(x - max).

    For y both ways are in bounds/log_softmax.py: x - max - log sum, and x - L. Who never forms the differences (a kernel
    that keeps L, the logit of the target and the sum of all logits: Liger) rounds sums of numbers as large as max |x|, not
    as the differences: with c classes that have a share, gamma_(c+2) (sum_k a_k |x_k| + A |L|), and L itself by u |max|
    more than y. A class that is not possible has a share of 0, and enters no sum.

    Smoothed, it may be made as a mixture of two losses, the target's and one of all classes with the weights `even`. The
    second is sum_k even_k y_k before it gets its share of 1 / K: where that sum overflows nothing is claimed.
    """
    y = log_softmax.forward(x, possible=possible)
    by_class = -(shares * y).sum(-1)
    precision, u = x.precision, x.precision.step.u
    with np.errstate(all="ignore"):
        a, size = shares.size_at_most, x.size_at_most
        top = size.max(-1, initial=0.0)
        log_sum = np.log(max(x.shape[-1], 1))
        terms = (a * size).sum(-1) + a.sum(-1) * (top + log_sum)
        rounding = gamma_of(np.count_nonzero(a, axis=-1) + 2, max(u, precision.accumulator.u))
        apart = (shares.error * (size + top[..., None] + log_sum) + a * y.error).sum(-1)
        error = np.maximum(by_class.error, apart + u * a.sum(-1) * top + rounding * terms)
        largest = terms if even is None else np.maximum(terms, (even.size_at_most * y.size_at_most).sum(-1))
        error = np.where(largest > precision.step.largest, np.inf, error)
    return x.rounded(by_class.value, or_infinite(error))


def gamma_of(counts: np.ndarray, u: float) -> np.ndarray:
    """gamma_n for an array of n."""
    return np.vectorize(lambda n: gamma(n, u), otypes=[np.float64])(counts)


def backward(
    g: Bounded, x: Bounded, shares: Bounded, *, even: Bounded | None = None, possible: Any = None
) -> tuple[Bounded, Bounded]:
    """dx = (p A - a) g, or by the derivative of log_softmax, where -a g flows back; da = -g y.

    a is the share of a class, A the sum of all shares, p the softmax. The gradient of a probability is a logarithm.
    """
    g = g.reshape(*g.shape, 1)
    p = log_softmax.weights(x, possible=possible)
    there = np.ones(x.shape, bool) if possible is None else possible
    direct = (p * shares.sum(-1, keepdims=True) - shares) * g
    direct = softmax.through_the_maximum(direct, direct.error, x, there)
    (by_parts,) = log_softmax.backward(-(shares * g), x, possible=possible)
    return in_any_order(direct, by_parts), -(g * log_softmax.forward(x, possible=possible))
