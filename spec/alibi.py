"""alibi: a bias on the scores that grows with the distance, steeper in some heads than in others."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import number
from veriformer.spec.slip import Part


@component(
    source="Press, Smith & Lewis 2022, section 3, and the authors' code for numbers of heads that are no power of two",
    honest=(Honest("slope * distance, the slopes as powers of the first or one by one", "Press, Smith & Lewis 2022"),),
)
def alibi(n_heads: int, length_q: int, length_k: int, *, like: Any = None) -> Any:
    """alibi(h, i, j) = -m_h |i + L_k - L_q - j|, the last query beside the last key.

    Returns (n_heads, L_q, L_k). For n_heads = n a power of two m_h = 2^(-8 h / n), h = 1, ..., n. For other numbers, the
    slopes of the power of two below, then every second one, from the first, of the power of two above. like: an array
    (empty) that says which dtype and device are wanted.
    Corners: a distance of 0 gives 0.
    Raises ValueError for fewer than one head or a negative length.
    """
    require(n_heads >= 1, f"n_heads {n_heads}: at least one")
    require(length_q >= 0 and length_k >= 0, f"lengths {length_q} and {length_k}: not negative")
    like = np.zeros(0) if like is None else like
    away = distances(length_q, length_k)
    return -(slopes(n_heads, like=like)[:, None, None] * number(away, like=like))


@Part
def distances(length_q: int, length_k: int) -> np.ndarray:
    """|i + L_k - L_q - j|."""
    return np.abs(np.arange(length_q)[:, None] + (length_k - length_q) - np.arange(length_k))


@Part
def slopes(n_heads: int, *, like: Any) -> Any:
    """m_1, ..., m_n."""
    below = 2 ** (n_heads.bit_length() - 1)
    own = geometric(below, np.arange(1, below + 1), like=like)
    if below == n_heads:
        return own
    return np.concatenate([own, geometric(2 * below, np.arange(1, 2 * below, 2)[: n_heads - below], like=like)], -1)


def geometric(n: int, h: np.ndarray, *, like: Any) -> Any:
    """2^(-8 h / n)."""
    return np.exp(-np.log(number(2, like=like)) * (8 * number(h, like=like) / n))


@slopes.slip("a geometric sequence for every number of heads, powers of two or not")
def one_geometric_sequence(n_heads: int, *, like: Any) -> Any:
    return geometric(n_heads, np.arange(1, n_heads + 1), like=like)


@slopes.slip("slopes counted from 0: the first is 1")
def slopes_from_one(n_heads: int, *, like: Any) -> Any:
    return geometric(n_heads, np.arange(n_heads), like=like)


@distances.slip("the first query beside the first key, where the lengths differ")
def aligned_at_the_start(length_q: int, length_k: int) -> np.ndarray:
    return np.abs(np.arange(length_q)[:, None] - np.arange(length_k))


@distances.slip("queries that look back only: 0 for keys ahead")
def nothing_ahead(length_q: int, length_k: int) -> np.ndarray:
    return np.maximum(np.arange(length_q)[:, None] + (length_k - length_q) - np.arange(length_k), 0)


@alibi.slip("the sign forgotten: what is far away is favoured")
def sign_forgotten(n_heads: int, length_q: int, length_k: int, *, like: Any = None) -> Any:
    return -alibi(n_heads, length_q, length_k, like=like)
