"""Learned positions, and their gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def learned_positions(length: int, table: np.ndarray) -> np.ndarray:
    """The first rows of the table: (longest, d_model) -> (length, d_model), a copy."""
    return table[:length].copy()


def learned_positions_vjp(cotangent: np.ndarray, length: int, table: np.ndarray) -> tuple[np.ndarray]:
    """The gradient for the table: the cotangent in the rows that were read, zero in the rest."""
    d_table = np.zeros_like(table)
    d_table[:length] = cotangent
    return (d_table,)
