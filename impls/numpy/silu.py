"""SiLU, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), from the exponential that does not overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, small) / (1.0 + small)


def silu(x: np.ndarray) -> np.ndarray:
    """x sigmoid(x) = x / (1 + exp(-x))."""
    return x * sigmoid(x)


def silu_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    """The gradient for x, where g is the cotangent and s = sigmoid(x): d_x = g (s + x s (1 - s))."""
    s = sigmoid(x)
    return (cotangent * (s * (1.0 + x * (1.0 - s))),)
