"""Layer normalisation in NumPy."""

from __future__ import annotations

import numpy as np


def layer_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float = 1e-5) -> np.ndarray:
    """(x - mean) / sqrt(variance + eps) gamma + beta over the last axis; x (..., n), gamma and beta (n,) -> like x.

    The variance is the mean of the squared deviations (divided by n, not n - 1), taken in a second pass after the mean.
    """
    mean = np.mean(x, axis=-1, keepdims=True)
    deviation = x - mean
    variance = np.mean(deviation * deviation, axis=-1, keepdims=True)
    return deviation * (1.0 / np.sqrt(variance + eps)) * gamma + beta
