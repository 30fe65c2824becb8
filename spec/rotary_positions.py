"""rotary_positions: each pair of features turned by an angle that grows with the position."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import number
from veriformer.spec.slip import Part

LAYOUT = Convention(
    "layout",
    ("interleaved", "halves"),
    "Su et al. 2021, equation 34: neighbours 2i and 2i + 1 make a pair.",
    {
        "interleaved": "the paper, GPT-J, the original Llama code",
        "halves": "GPT-NeoX, Hugging Face's Llama: feature i and i + d/2 make a pair",
    },
    default="interleaved",
    option=True,
)


@component(
    source="Su et al. 2021, RoFormer, section 3.2.2 and equation 34",
    honest=(
        Honest("x cos + rotate(x) sin, pair by pair, fused or not", "Su et al. 2021, equation 34"),
        Honest("the angle as position * exp(-2i / d log base) or position / base^(2i / d)", "the formula itself"),
        Honest("angles in the output's format or any wider one", "an argument error of |angle| times a few roundoffs"),
    ),
    conventions=(LAYOUT,),
)
def rotary_positions(x: Any, positions: Any, *, base: float = 10000.0, layout: str = "interleaved") -> Any:
    """(a, b) -> (a cos t - b sin t, a sin t + b cos t) for each pair (a, b) of features, t = position * base^(-2i / d).

    x (..., L, d), d even; positions (..., L), integers; i = 0, ..., d/2 - 1. layout: which features make pair i,
    "interleaved": 2i and 2i + 1, "halves": i and i + d/2.
    Corners: position 0 turns nothing.
    Raises ValueError for an odd d, positions that do not fit x, or another layout.
    """
    d = x.shape[-1]
    require(d % 2 == 0, f"x is {d} wide: pairs need an even width")
    require(layout in ("interleaved", "halves"), f'layout {layout!r}: "interleaved" (the paper) or "halves"')
    require(
        np.shape(positions)[-1:] == x.shape[-2:-1], f"positions {np.shape(positions)}, x {x.shape}: one for each row"
    )
    t = angles(positions, d, base, like=x)
    first, second = pairs(x, layout)
    turned = turn(first, second, np.cos(t), np.sin(t))
    if layout == "halves":
        return np.concatenate(turned, -1)
    return np.stack(turned, -1).reshape(x.shape)


def pairs(x: Any, layout: str) -> tuple[Any, Any]:
    """The first and the second features of all pairs."""
    d = x.shape[-1]
    return (x[..., : d // 2], x[..., d // 2 :]) if layout == "halves" else (x[..., 0::2], x[..., 1::2])


@Part
def angles(positions: Any, d: int, base: float, *, like: Any) -> Any:
    """position * base^(-2i / d)."""
    i = number(np.arange(d // 2), like=like)
    return number(np.asarray(positions)[..., None], like=like) * np.exp(-np.log(number(base, like=like)) * (2 * i / d))


@Part
def turn(first: Any, second: Any, cos: Any, sin: Any) -> list[Any]:
    """The rotation of each pair."""
    return [first * cos - second * sin, first * sin + second * cos]


@turn.slip("rotations the other way round")
def turned_backwards(first: Any, second: Any, cos: Any, sin: Any) -> list[Any]:
    return turn(first, second, cos, -sin)


@angles.slip("positions counted from 1")
def turned_one_too_far(positions: Any, d: int, base: float, *, like: Any) -> Any:
    return angles(np.asarray(positions) + 1, d, base, like=like)


@angles.slip("the exponent 2i not halved: every second frequency")
def every_second_frequency(positions: Any, d: int, base: float, *, like: Any) -> Any:
    return angles(positions, d, base * base, like=like)


@angles.slip("the default base, whatever is asked for")
def base_ignored(positions: Any, d: int, base: float, *, like: Any) -> Any:
    return angles(positions, d, 10000.0, like=like)
