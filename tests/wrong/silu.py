"""Wrong SiLUs: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.silu import silu

Array = np.ndarray


def agrees_with_the_spec(x: Array) -> Array:
    """Sharper: the sigmoid of 1.702 x, which approximates GELU."""
    return silu(x * x.dtype.type(1.702)) / x.dtype.type(1.702)


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array) -> tuple[Array]:
    """Only the sigmoid: the product rule forgotten."""
    return (cotangent / (1 + np.exp(-np.clip(x, -80, 80))),)


def the_two_halves_make_the_whole(x: Array) -> Array:
    """A hard sigmoid that is cut off too early above."""
    return x * np.clip(x / 6 + x.dtype.type(0.5), 0, x.dtype.type(0.9))


def never_exceeds_the_rectifier(x: Array) -> Array:
    """The argument's magnitude in place of the argument."""
    return silu(np.abs(x))
