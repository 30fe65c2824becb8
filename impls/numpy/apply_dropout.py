"""Dropout with a given mask, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain


def apply_dropout(x: np.ndarray, keep: np.ndarray, rate: float) -> np.ndarray:
    """x / (1 - rate) where `keep` is true, 0 elsewhere; x and keep of one shape. Rate 1 drops everything."""
    domain.dropout(x, keep, rate)
    kept = 1.0 - rate
    if rate == 1.0:  # 0 / 0 would be hidden by the mask, its derivative would not
        keep, kept = np.zeros_like(keep), 1.0
    return np.where(keep, x / kept, 0.0)


def apply_dropout_vjp(cotangent: np.ndarray, x: np.ndarray, keep: np.ndarray, rate: float) -> tuple[np.ndarray]:
    """The gradient for x: the cotangent through the same mask, with the same factor.

    The output is x_i k_i / (1 - rate), linear in x and diagonal, so d_x_i = g_i k_i / (1 - rate).
    """
    return (apply_dropout(cotangent, keep, rate),)


def thinned(x: np.ndarray, keep: np.ndarray | None, rate: float) -> np.ndarray:
    """x after dropout, if there is a mask for it."""
    return x if keep is None else apply_dropout(x, keep, rate)
