"""The table of sinusoidal positions in NumPy."""

from __future__ import annotations

import numpy as np


def sinusoidal_positions(length: int, d_model: int, *, like: np.ndarray | None = None) -> np.ndarray:
    """Column 2i holds sin(p w_i), column 2i + 1 holds cos(p w_i), w_i = 10000^(-2i / d_model); (length, d_model).

    The dtype is that of `like`, else float64; the angles are always float64. Odd d_model: the last cosine is dropped.
    """
    positions = np.arange(length)[:, np.newaxis]
    frequencies = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
    angles = positions * frequencies
    table = np.empty((length, d_model), dtype=np.float64 if like is None else like.dtype)
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return table
