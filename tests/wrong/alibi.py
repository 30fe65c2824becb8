"""Wrong linear biases: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.alibi import alibi

Array = np.ndarray


def agrees_with_the_spec(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """One geometric sequence for every number of heads."""
    slopes = 2.0 ** (-8.0 * np.arange(1, n_heads + 1) / n_heads)
    unit = alibi(1, length_q, length_k) * 2.0**8
    return (slopes[:, None, None] * unit).astype(np.float64 if like is None else like.dtype)


def depends_on_the_offset_only(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """The position of the key in place of its distance."""
    biases = alibi(n_heads, length_q, length_k, like=like)
    return biases[:, -1:, :] * np.arange(1, length_q + 1, dtype=biases.dtype)[:, None]


def vanishes_on_the_diagonal(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """Distances counted from 1."""
    return alibi(n_heads, length_q, length_k + 1, like=like)[..., :-1]


def is_symmetric(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """0 for keys ahead."""
    return np.tril(alibi(n_heads, length_q, length_k, like=like), length_k - length_q)


def begins_with_the_power_of_two_below(
    n_heads: int, length_q: int, length_k: int, *, like: Array | None = None
) -> Array:
    """The published sequence stretched over any number of heads."""
    return agrees_with_the_spec(n_heads, length_q, length_k, like=like)


def does_not_change_its_arguments(n_heads: int, length_q: int, length_k: int, *, like: Array | None = None) -> Array:
    """The one thing that an empty array allows: it is made longer."""
    if like is not None and like.flags.owndata and like.flags.writeable:
        like.resize(1, refcheck=False)
    return alibi(n_heads, length_q, length_k, like=like)


def does_not_care_how_its_arguments_lie_in_memory(
    n_heads: int, length_q: int, length_k: int, *, like: Array | None = None
) -> Array:
    """The one thing in which empty arrays differ: a read-only one gives another bias."""
    factor = 1 if like is None or like.flags.writeable else 2
    return factor * alibi(n_heads, length_q, length_k, like=like)
