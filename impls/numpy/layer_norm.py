"""Layer normalisation, and its gradients, in NumPy."""

from __future__ import annotations

import numpy as np


def layer_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-5) -> np.ndarray:
    """(x - mean) / sqrt(variance + eps) gamma + beta over the last axis; x (..., n), gamma and beta (n,) -> like x.

    The variance is the mean of the squared deviations (divided by n, not n - 1), taken in a second pass after the mean.
    """
    deviation, inverse = deviation_and_inverse(x, eps)
    return deviation * inverse * gamma + beta


def deviation_and_inverse(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """x - mean, and 1 / sqrt(variance + eps)."""
    deviation = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(deviation * deviation, axis=-1, keepdims=True)
    return deviation, 1.0 / np.sqrt(variance + eps)


def layer_norm_vjp(
    cotangent: np.ndarray, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients for x, gamma and beta, where g (..., n) is the cotangent.

    With r = 1 / sqrt(variance + eps), y = (x - mean) r and h = g gamma:

        d_x = r (h - mean(h) - y mean(h y))     through x itself, the mean, and the variance
        d_gamma = sum over the rows of g y,   d_beta = sum over the rows of g
    """
    deviation, inverse = deviation_and_inverse(x, eps)
    y, h = deviation * inverse, cotangent * gamma
    centred = h - np.mean(h, axis=-1, keepdims=True)
    d_x = inverse * (centred - y * np.mean(h * y, axis=-1, keepdims=True))
    rows = cotangent.reshape(-1, x.shape[-1])
    return d_x, np.sum(rows * y.reshape(rows.shape), axis=0), np.sum(rows, axis=0)
