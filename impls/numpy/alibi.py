"""The linear biases of ALiBi in NumPy."""

from __future__ import annotations

import numpy as np


def alibi(n_heads: int, length_q: int, length_k: int, *, like: np.ndarray | None = None) -> np.ndarray:
    """-m_h |i + L_k - L_q - j|, (n_heads, L_q, L_k): the further a key from its query, the lower its score.

    The slopes m are 2^(-8 h / n), h = 1 ... n, if n = n_heads is a power of two. Else they are those of the power of two below,
    then the first, third, ... of the power of two above. The dtype is that of `like`, else float64.
    """
    distances = np.abs(np.arange(length_q)[:, np.newaxis] + (length_k - length_q) - np.arange(length_k))
    biases = -np.array(slopes(n_heads))[:, np.newaxis, np.newaxis] * distances
    return biases.astype(np.float64 if like is None else like.dtype)


def slopes(n_heads: int) -> list[float]:
    """One slope for each head."""
    power = 2 ** (n_heads.bit_length() - 1)
    own = [2.0 ** (-8.0 * h / power) for h in range(1, power + 1)]
    return own if power == n_heads else own + slopes(2 * power)[0::2][: n_heads - power]
