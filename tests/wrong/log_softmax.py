"""Wrong logarithms of softmax: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.log_softmax import log_softmax
from veriformer.impls.numpy.softmax import softmax

Array = np.ndarray


def agrees_with_the_spec(x: Array) -> Array:
    """The logarithm of the softmax, which may be 0, with a small number against it."""
    return np.log(softmax(x) + x.dtype.type(1e-9))


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array) -> tuple[Array]:
    """The cotangent is taken to sum to one, as that of a loss with one target would."""
    return (cotangent - softmax(x),)


def exponentials_sum_to_one(x: Array) -> Array:
    """Smoothed: a thousandth is added to every weight before the logarithm."""
    return np.log(softmax(x) + x.dtype.type(1e-3))


def is_the_logarithm_of_the_softmax(x: Array) -> Array:
    """At a temperature of two."""
    return log_softmax(x / 2)


def is_never_positive(x: Array) -> Array:
    """The sum runs over the other entries only."""
    shifted = x - np.max(x, axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    rest = np.sum(exponentials, axis=-1, keepdims=True) - exponentials
    return np.where(rest > 0, shifted - np.log(np.where(rest > 0, rest, 1)), shifted)


def ignores_a_shift(x: Array) -> Array:
    """The maximum is not subtracted: exp overflows."""
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def is_permutation_equivariant(x: Array) -> Array:
    """The loop over the sum ends one too early: the last entry is left out of it."""
    shifted = x - np.max(x, axis=-1, keepdims=True)
    total = np.sum(np.exp(shifted[..., :-1]), axis=-1, keepdims=True)
    return shifted - np.log(np.where(total > 0, total, 1))
