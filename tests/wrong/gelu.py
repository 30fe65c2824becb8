"""Wrong GELUs: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.gelu import gelu

Array = np.ndarray


def agrees_with_the_spec(x: Array, *, approximate: str = "none") -> Array:
    """The approximation by tanh, whatever is asked for."""
    return gelu(x, approximate="tanh")


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, *, approximate: str = "none") -> tuple[Array]:
    """The gradient of the ReLU."""
    return (np.where(x > 0, cotangent, 0),)


def the_two_halves_make_the_whole(x: Array, *, approximate: str = "none") -> Array:
    """A factor of 1/2 too few."""
    return 2 * gelu(x, approximate=approximate)


def never_exceeds_the_rectifier(x: Array, *, approximate: str = "none") -> Array:
    """The negative lobe has lost its sign."""
    return np.abs(gelu(x, approximate=approximate))
