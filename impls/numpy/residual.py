"""The residual connection, and its gradients, in NumPy."""

from __future__ import annotations

import numpy as np


def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    """x + sublayer_output, two arrays of one shape."""
    return x + sublayer_output


def residual_vjp(cotangent: np.ndarray, x: np.ndarray, sublayer_output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients for both arguments: a sum hands its cotangent to each of its terms."""
    return cotangent, cotangent
