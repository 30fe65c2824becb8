"""Real bugs of linear biases (ALiBi), re-created."""

from __future__ import annotations

import math

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation

Array = np.ndarray

PE08 = Bug(
    "PE08",
    "alibi",
    "https://github.com/paiml/aprender/pull/2143",
    "The exponents of the slopes start at 0: the first head gets the slope 1.",
)


def slopes(n_heads: int, first: int) -> Array:
    """2^(-8 h / n), h counted from `first`; beyond a power of two, every second slope of twice as many heads."""
    below = 2 ** int(math.log2(n_heads))
    powers = [2.0 ** (-8.0 * np.arange(first, n + first) / n) for n in (below, 2 * below)]
    return np.concatenate([powers[0], powers[1][0::2][: n_heads - below]])


def biases(m: Array, length_q: int, length_k: int, like: Array | None) -> Array:
    """-m_h |i + L_k - L_q - j|."""
    distance = np.abs(np.arange(length_q)[:, None] + length_k - length_q - np.arange(length_k))
    return (-m[:, None, None] * distance).astype(np.float64 if like is None else like.dtype)


honest = Implementation("honest alibi", "numpy")


@honest.component
def alibi(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """The first head's slope is 2^(-8 / n)."""
    return biases(slopes(n_heads, 1), length_q, length_k, like)


@PE08.in_numpy()
def slopes_from_one_on(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    return biases(slopes(n_heads, 0), length_q, length_k, like)


BUGS = (PE08,)
