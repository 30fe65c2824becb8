"""sinusoidal_positions: each position as the hands of clocks that run at geometrically falling speeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import number
from veriformer.spec.slip import Part

ARRANGEMENT = Convention(
    "arrangement",
    ("interleaved", "concatenated"),
    "The paper writes PE(pos, 2i) = sin, PE(pos, 2i + 1) = cos; its own code concatenates.",
    {
        "interleaved": "the paper's formula, the Annotated Transformer, most libraries",
        "concatenated": "tensor2tensor and fairseq: all sines, then all cosines",
    },
    default="interleaved",
)


@component(
    source="Vaswani et al. 2017, section 3.5",
    honest=(
        Honest("position * exp(-2i / d_model log 10000)", "The Annotated Transformer"),
        Honest("position / 10000^(2i / d_model)", "the formula itself"),
        Honest("angles in the output's format or any wider one", "an argument error of |angle| times a few roundoffs"),
    ),
    conventions=(ARRANGEMENT,),
)
def sinusoidal_positions(length: int, d_model: int, *, like: Any = None, arrangement: str = "interleaved") -> Any:
    """PE(p, 2i) = sin(p w_i), PE(p, 2i + 1) = cos(p w_i), w_i = 10000^(-2i / d_model), p = 0, ..., length - 1.

    Returns (length, d_model). like: an array (empty) that says which dtype and device are wanted.
    Corners: length 0 gives no rows; for odd d_model the last cosine is dropped.
    Raises ValueError for a negative length or d_model < 1.
    """
    require(length >= 0 and d_model >= 1, f"length {length} and d_model {d_model}: wanted at least 0 and 1")
    like = np.zeros(0) if like is None else like
    pairs = (d_model + 1) // 2
    angle = number(positions(length)[:, None], like=like) * frequencies(pairs, d_model, like)
    if arrangement == "concatenated":
        return np.concatenate(hands(angle), -1)[:, :d_model]
    return np.stack(hands(angle), -1).reshape(length, 2 * pairs)[:, :d_model]


@Part
def positions(length: int) -> np.ndarray:
    """0, ..., length - 1."""
    return np.arange(length)


@Part
def frequencies(pairs: int, d_model: int, like: Any, base: int = 10000, factor: int = 2) -> Any:
    """w_i = 10000^(-2i / d_model)."""
    i = number(np.arange(pairs), like=like)
    return np.exp(-np.log(number(base, like=like)) * (factor * i / d_model))


@Part
def hands(angle: Any) -> tuple[Any, Any]:
    """The sine, then the cosine."""
    return np.sin(angle), np.cos(angle)


@positions.slip("positions counted from 1")
def counted_from_one(length: int) -> np.ndarray:
    return np.arange(1, length + 1)


@frequencies.slip("exponents 4i / d_model: the index of a column, 2i, doubled again")
def exponents_doubled(pairs: int, d_model: int, like: Any) -> Any:
    return frequencies(pairs, d_model, like, factor=4)


@frequencies.slip("exponents i / d_model: the index of a pair where that of its column is meant")
def exponents_halved(pairs: int, d_model: int, like: Any) -> Any:
    return frequencies(pairs, d_model, like, factor=1)


@frequencies.slip("the base 1000")
def base_1000(pairs: int, d_model: int, like: Any) -> Any:
    return frequencies(pairs, d_model, like, base=1000)


@hands.slip("sines and cosines exchanged")
def sines_and_cosines_exchanged(angle: Any) -> tuple[Any, Any]:
    return np.cos(angle), np.sin(angle)
