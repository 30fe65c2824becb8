"""Softmax over the last axis, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def softmax(x: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    """exp(x_i) / sum_j exp(x_j), over the j that the mask allows; x (..., n), mask broadcast to x.

    Each row is shifted by its largest allowed entry, which cancels in the quotient and keeps exp at or below 1.
    A row with nothing allowed gives zeros.
    """
    logits = x if mask is None else np.where(mask, x, -np.inf)
    highest = np.max(logits, axis=-1, keepdims=True, initial=-np.inf)
    shift = np.where(highest == -np.inf, 0.0, highest)
    exponentials = np.exp(logits - shift)
    total = np.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / np.where(total == 0.0, 1.0, total)


def softmax_vjp(cotangent: np.ndarray, x: np.ndarray, *, mask: np.ndarray | None = None) -> tuple[np.ndarray]:
    """The gradient for x, where g is the cotangent and p = softmax(x): d_x = p (g - sum_j g_j p_j).

    From p_i = e_i / s with e_i = exp(x_i) and s = sum_j e_j:

        d p_i / d x_j = p_i [i = j] - p_i p_j
        d_x_j = sum_i g_i (d p_i / d x_j) = p_j g_j - p_j sum_i g_i p_i

    Masked entries have p = 0, so nothing flows into them, nor into a row with nothing allowed.
    """
    weights = softmax(x, mask=mask)
    average = np.sum(cotangent * weights, axis=-1, keepdims=True)
    return (weights * (cotangent - average),)
