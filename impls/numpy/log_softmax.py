"""Logarithm of the softmax over the last axis, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def log_softmax(x: np.ndarray) -> np.ndarray:
    """x_i - log sum_j exp(x_j); x (..., n). The largest entry is taken off first: it cancels, and exp stays below 1."""
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def log_softmax_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    """The gradient for x, where g is the cotangent and p = softmax(x): d_x = g - p sum_j g_j."""
    weights = np.exp(log_softmax(x))
    return (cotangent - weights * np.sum(cotangent, axis=-1, keepdims=True),)
