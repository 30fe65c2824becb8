"""ReLU, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def relu_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
    """The gradient for x: the cotangent where x > 0, nothing elsewhere, 0 included."""
    return (np.where(x > 0.0, cotangent, 0.0),)
