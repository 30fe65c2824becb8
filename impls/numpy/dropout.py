"""Dropout, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.apply_dropout import apply_dropout


def dropout(x: np.ndarray, rate: float, seed: int, *, training: bool = True) -> np.ndarray:
    """Each number of x dropped with probability `rate`, the others divided by 1 - rate; x itself outside training.

    A generator of its own is seeded with each call: the same seed and shape draw the same mask, and nobody else's random
    numbers change.
    """
    domain.shares(rate=rate)
    domain.seed(seed)
    return apply_dropout(x, drawn(x.shape, rate, seed), rate) if training else x.copy()


def drawn(shape: tuple[int, ...], rate: float, seed: int) -> np.ndarray:
    """Which numbers are kept: uniform ones from [0, 1) that are not below the rate."""
    return np.asarray(np.random.default_rng(seed).random(shape) >= rate)


def dropout_vjp(
    cotangent: np.ndarray, x: np.ndarray, rate: float, seed: int, *, training: bool = True
) -> tuple[np.ndarray]:
    """The gradient for x: the cotangent through the same mask, drawn again from the same seed, with the same factor."""
    return (dropout(cotangent, rate, seed, training=training),)
