"""Token embedding, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def embedding(
    tokens: np.ndarray, table: np.ndarray, *, scale: float = 1.0, padding_idx: int | None = None
) -> np.ndarray:
    """scale table[tokens]: tokens (..., L), table (vocabulary, d_model) -> (..., L, d_model).

    `padding_idx` changes nothing here: it only keeps that row of the table without a gradient.
    """
    return scale * table[tokens]


def embedding_vjp(
    cotangent: np.ndarray,
    tokens: np.ndarray,
    table: np.ndarray,
    *,
    scale: float = 1.0,
    padding_idx: int | None = None,
) -> tuple[np.ndarray]:
    """The gradient for the table: row t is scale times the sum of the cotangents wherever the token is t.

    The output is scale E table with E[l, t] = [tokens_l = t], so d_table = scale E^T g: a lookup, transposed, is a
    scatter that adds. A token that occurs twice is counted twice; the padding row stays zero.
    """
    d_table = np.zeros_like(table)
    np.add.at(d_table, tokens, scale * cotangent)
    if padding_idx is not None:
        d_table[padding_idx] = 0.0
    return (d_table,)
