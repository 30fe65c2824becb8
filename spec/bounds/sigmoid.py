"""How far an honest sigmoid may land from the truth."""

from __future__ import annotations

import numpy as np

from veriformer.spec.numbers.bounded import Bounded, or_infinite
from veriformer.spec.numbers.precision import ROUNDOFFS


def forward(x: Bounded) -> Bounded:
    """s = 1 / (1 + exp(-x)), or (1 + tanh(x / 2)) / 2.

    The first is good to a few roundoffs of s, but its exp overflows far below 0, where it answers 0: off by s <= u there. The
    second has a constant absolute error. Both are within c_sigmoid u of s, absolutely. An error of the argument moves s by
    at most reach times the largest slope on the way: s' = s (1 - s) <= exp(-|x|), and never above 1/4.
    """
    u = x.precision.step.u
    with np.errstate(all="ignore"):
        value = 1 / (1 + np.exp(-x.value))
        nearest = np.maximum(np.abs(x.value) - x.reach, 0.0)
        slope = np.minimum(np.exp(-nearest), 0.25)
        error = np.minimum(x.reach * slope, 1.0) + ROUNDOFFS["sigmoid"] * u
    return x.of(value, or_infinite(error))


def backward(g: Bounded, x: Bounded) -> tuple[Bounded]:
    """g s (1 - s)."""
    s = forward(x)
    return (g * (s * (1 - s)),)
