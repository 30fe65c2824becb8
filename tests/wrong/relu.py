"""Wrong rectifiers: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def agrees_with_the_spec(x: Array) -> Array:
    """A leaky slope below 0."""
    return np.where(x > 0, x, x.dtype.type(0.01) * x)


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array) -> tuple[Array]:
    """The slope is 1 wherever the cotangent is positive: the wrong array is compared with 0."""
    return (np.where(cotangent > 0, cotangent, 0),)


def is_positively_homogeneous(x: Array) -> Array:
    """A ceiling of 6."""
    return np.clip(x, 0, 1)


def is_idempotent(x: Array) -> Array:
    """A margin of a tenth below which nothing passes is taken off what does."""
    return np.maximum(x - x.dtype.type(0.5), 0)


def the_two_halves_make_the_whole(x: Array) -> Array:
    """The magnitude, not the positive part."""
    return np.abs(x)
