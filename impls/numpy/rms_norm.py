"""Root mean square normalisation, and its gradients, in NumPy."""

from __future__ import annotations

import numpy as np


def rms_norm(x: np.ndarray, gamma: np.ndarray, *, eps: float = 1e-5) -> np.ndarray:
    """x / sqrt(mean(x^2) + eps) gamma over the last axis; x (..., n), gamma (n,) -> like x."""
    return x * inverse_rms(x, eps) * gamma


def inverse_rms(x: np.ndarray, eps: float) -> np.ndarray:
    """1 / sqrt(mean(x^2) + eps), (..., 1)."""
    return 1.0 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)


def rms_norm_vjp(
    cotangent: np.ndarray, x: np.ndarray, gamma: np.ndarray, *, eps: float = 1e-5
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients for x and gamma, where g (..., n) is the cotangent.

    With r = 1 / sqrt(mean(x^2) + eps), y = x r and h = g gamma:

        d_x = r (h - y mean(h y))        d r / d x_j = -r^3 x_j / n
        d_gamma = sum over the rows of g y
    """
    r = inverse_rms(x, eps)
    y, h = x * r, cotangent * gamma
    d_x = r * (h - y * np.mean(h * y, axis=-1, keepdims=True))
    return d_x, np.sum((cotangent * y).reshape(-1, x.shape[-1]), axis=0)
