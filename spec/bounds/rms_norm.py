"""How far an honest rms norm may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds.layer_norm import cotangent_of_norm
from veriformer.spec.numbers.bounded import Bounded
from veriformer.spec.numbers.precision import ROUNDOFFS


def forward(x: Bounded, gamma: Any, *, eps: Any, eps_place: str = "inside") -> Bounded:
    """x r gamma with r = 1 / sqrt(mean(x^2) + eps): no cancellation, so a few roundings and gamma_n of the sum.

    x may be divided by the root or multiplied by its reciprocal, and gamma r may be formed first: two roundings more.
    """
    return scaled(x, eps, eps_place)[0] * gamma


def scaled(x: Bounded, eps: Any, eps_place: str) -> tuple[Bounded, Bounded, Bounded]:
    """x r, r, and what the mean of products is multiplied by in the derivative: r, or 1 / sqrt(mean(x^2))."""
    eps_number = x.lift(eps)
    square = (x * x).mean(-1, keepdims=True)
    root = np.sqrt(square + eps_number) if eps_place == "inside" else np.sqrt(square) + eps_number
    r = x.lift(1) / root
    r = r.rounded(r.value, r.error, ROUNDOFFS["rsqrt"])
    y = x * r
    return y.rounded(y.value, y.error, 2), r, r if eps_place == "inside" else x.lift(1) / np.sqrt(square)


def backward(g: Bounded, x: Bounded, gamma: Bounded, *, eps: Any, eps_place: str = "inside") -> tuple[Bounded, Bounded]:
    """dx = r (h - y mean(h y)) with h = g gamma and y = x r; dgamma = sum over the rows of g y."""
    y, r, k = scaled(x, eps, eps_place)
    return cotangent_of_norm(g * gamma, y, r, k, centred=False), g * y
