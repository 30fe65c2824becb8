"""Wrong sinusoidal positions: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.sinusoidal_positions import sinusoidal_positions

Array = np.ndarray


def _table(positions: Array, d_model: int, exponents: Array, like: Array | None, base: float = 10000.0) -> Array:
    """Sines in the even columns and cosines in the odd ones, of positions times base^-exponents."""
    angles = positions[:, None] * base**-exponents
    odd = np.arange(d_model) % 2 == 1
    return np.where(odd, np.cos(angles), np.sin(angles)).astype(np.float64 if like is None else like.dtype)


def _exponents(d_model: int) -> Array:
    return np.arange(d_model) // 2 * 2 / d_model


def agrees_with_the_spec(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """Sine and cosine have changed places."""
    table = _table(np.arange(length), d_model + d_model % 2, _exponents(d_model + d_model % 2), like)
    return table.reshape(length, -1, 2)[..., ::-1].reshape(length, -1)[:, :d_model]


def does_not_change_its_arguments(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """The one thing that an empty array allows: it is made longer."""
    if like is not None and like.flags.owndata and like.flags.writeable:
        like.resize(1, refcheck=False)
    return sinusoidal_positions(length, d_model, like=like)


def does_not_care_how_its_arguments_lie_in_memory(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """The one thing in which empty arrays differ: a read-only one gives another table."""
    offset = 0 if like is None or like.flags.writeable else 1
    return _table(np.arange(length) + offset, d_model, _exponents(d_model), like)


def the_first_row_is_zeros_and_ones(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """Positions are counted from 1."""
    return _table(np.arange(length) + 1, d_model, _exponents(d_model), like)


def pairs_have_length_one(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """Every column has a speed of its own, 10000^(-j / d_model): sine and cosine of a pair run apart."""
    return _table(np.arange(length), d_model, np.arange(d_model) / d_model, like)


def a_shift_is_a_rotation(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """The base is 1000."""
    return _table(np.arange(length), d_model, _exponents(d_model), like, base=1000.0)


def a_longer_table_begins_with_the_shorter(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """Positions run from 0 to 1, however many there are."""
    return _table(np.arange(length) / length, d_model, _exponents(d_model), like)
