"""Wrong rotary positions: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.rotary_positions import rotary_positions, rotary_positions_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, positions: Array, *, base: float = 10000.0, layout: str = "interleaved") -> Array:
    """The other layout."""
    return rotary_positions(x, positions, base=base, layout="halves" if layout == "interleaved" else "interleaved")


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, positions: Array, **options: Any) -> tuple[Array]:
    """Turned on, where it is to be turned back."""
    return rotary_positions_vjp(cotangent, x, -positions, **options)


def position_0_changes_nothing(x: Array, positions: Array, **options: Any) -> Array:
    """Positions counted from 1."""
    return rotary_positions(x, positions + 1, **options)


def pairs_keep_their_length(x: Array, positions: Array, **options: Any) -> Array:
    """A sign lost: (a cos + b sin, a sin + b cos)."""
    quarter = rotary_positions(x, positions, **options)
    return (quarter + rotary_positions(x, -positions, **options)) / 2 + np.abs(quarter) * x.dtype.type(0.1)


def products_depend_on_the_offset_only(x: Array, positions: Array, **options: Any) -> Array:
    """Positions are clipped to the table's 8 rows."""
    return rotary_positions(x, np.minimum(positions, 8), **options)


def rotations_add_up(x: Array, positions: Array, **options: Any) -> Array:
    """The square of the position."""
    return rotary_positions(x, positions * positions, **options)
