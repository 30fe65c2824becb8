"""How far an honest logarithm of a softmax may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import softmax
from veriformer.spec.numbers.bounded import Bounded, or_infinite
from veriformer.spec.numbers.precision import ROUNDOFFS, gamma


def forward(x: Bounded, *, possible: Any = None) -> Bounded:
    """y_i = x_i - max - log s with s = sum_j exp(x_j - max), or x_i - L with L = max + log s.

    Each weight w_j = exp(x_j - max) is off by a factor e^t, |t| <= a_j (see bounds/softmax.py), so s by a relative

        d = sum_j w_j (e^a_j - 1) / s + gamma_(n-1),   and log s by -log(1 - d) + c_log u log s + u.

    Then three roundings: of x_i - max, of L, and of the difference: u (|x_i - max| + |max| + log s + |y_i|), where |max|
    counts because L may be formed. log(softmax(x)) is not honest: it answers -inf where a weight underflows.

    possible: which entries are there at all; others have weight 0, exactly, and are answered with 0.
    """
    there = np.ones(x.shape, bool) if possible is None else possible
    precision, u, n = x.precision, x.precision.step.u, x.shape[-1]
    with np.errstate(all="ignore"):
        shifted = np.where(there, x.value, -np.inf)
        top = shifted.max(-1, keepdims=True, initial=-np.inf)
        distance = np.where(there, top - x.value, 0.0)
        weight = np.where(there, np.exp(-distance), 0.0)
        s = weight.sum(-1, keepdims=True)
        a = softmax.exponent_error(x, shifted, distance)
        d = (weight * np.expm1(np.minimum(a, 500.0))).sum(-1, keepdims=True) / s + gamma(n - 1, precision.accumulator.u)
        log_s = np.log(s)
        own = np.where(d < 0.5, -np.log1p(-np.minimum(d, 0.5)), np.inf) + ROUNDOFFS["log"] * u * log_s + u
        y = -distance - log_s
        widest = np.where(there, x.reach, 0.0).max(-1, keepdims=True, initial=0.0)
        sizes = distance + np.abs(top) + widest + log_s + own + np.abs(y) + x.reach
        error = x.error + own + u * (1 + u) * sizes + 2 * precision.step.half_ulp(np.zeros(()))
        error = np.where(sizes > precision.step.largest, np.inf, error)
        y, error = np.where(there, y, 0.0), np.where(there, error, 0.0)
    return x.rounded(y, or_infinite(error))


def backward(g: Bounded, x: Bounded, *, possible: Any = None) -> tuple[Bounded]:
    """dx = g - p sum_j g_j.

    Who lets the derivative run through the maximum shift adds -sum_j dx_j, exactly 0, to the position of the maximum: there
    its rounding error, the sum of all errors of the row and gamma_n of its terms, comes in.
    """
    dx = g - weights(x, possible=possible) * g.sum(-1, keepdims=True)
    there = np.ones(x.shape, bool) if possible is None else possible
    return (softmax.through_the_maximum(dx, dx.error, x, there),)


def weights(x: Bounded, *, possible: Any = None) -> Bounded:
    """p, as a softmax or as the exponential of what the forward pass answered."""
    p, y = softmax.forward(x, mask=possible), forward(x, possible=possible)
    with np.errstate(all="ignore"):
        by_exp = np.abs(p.value) * (np.expm1(y.reach) + ROUNDOFFS["exp"] * x.precision.step.u)
        error = np.maximum(p.error, by_exp + x.precision.step.half_ulp(np.zeros(())))
    return p.of(p.value, or_infinite(error))
