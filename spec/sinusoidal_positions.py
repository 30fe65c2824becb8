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
EXPONENT = Convention(
    "exponent",
    ("2i/d_model", "i/(d_model/2-1)"),
    "Section 3.5 of the paper; its own code runs the exponents from 0 to 1, both included.",
    {
        "2i/d_model": "the paper's formula, the Annotated Transformer",
        "i/(d_model/2-1)": "tensor2tensor and fairseq",
    },
    default="2i/d_model",
)
ODD_D_MODEL = Convention(
    "odd_d_model",
    ("drop_last_cosine", "zero_column"),
    "Our signature; the paper has even widths only.",
    {
        "drop_last_cosine": "the Annotated Transformer, where it is mended",
        "zero_column": "tensor2tensor and fairseq: a last column of zeros",
    },
    default="drop_last_cosine",
)


@component(
    source="Vaswani et al. 2017, section 3.5",
    honest=(
        Honest("position * exp(-2i / d_model log 10000)", "The Annotated Transformer"),
        Honest("position / 10000^(2i / d_model)", "the formula itself"),
        Honest("angles in the output's format or any wider one", "an argument error of |angle| times a few roundoffs"),
    ),
    conventions=(ARRANGEMENT, EXPONENT, ODD_D_MODEL),
)
def sinusoidal_positions(
    length: int,
    d_model: int,
    *,
    like: Any = None,
    arrangement: str = "interleaved",
    exponent: str = "2i/d_model",
    odd_d_model: str = "drop_last_cosine",
) -> Any:
    """PE(p, 2i) = sin(p w_i), PE(p, 2i + 1) = cos(p w_i), w_i = 10000^(-2i / d_model), p = 0, ..., length - 1.

    Returns (length, d_model). like: an array (empty) that says which dtype and device are wanted.
    Corners: length 0 gives no rows; for odd d_model the last cosine is dropped (convention `odd_d_model`).
    Raises ValueError for a negative length or d_model < 1.
    """
    require(length >= 0 and d_model >= 1, f"length {length} and d_model {d_model}: wanted at least 0 and 1")
    like = np.zeros(0) if like is None else like
    width = d_model - d_model % 2 if odd_d_model == "zero_column" else d_model
    pairs = (width + 1) // 2
    angle = number(numbered(length)[:, None], like=like) * np.exp(-log_rates(pairs, width, exponent, like=like))
    waves = sine_and_cosine(angle)
    table = (
        np.concatenate(waves, -1) if arrangement == "concatenated" else np.stack(waves, -1).reshape(length, 2 * pairs)
    )
    table = table[:, :width]
    if width == d_model:
        return table
    return np.concatenate([table, number(np.zeros((length, 1)), like=like)], -1)


@Part
def numbered(length: int) -> np.ndarray:
    """Positions, from 0."""
    return np.arange(length)


@Part
def log_rates(pairs: int, width: int, exponent: str, *, like: Any) -> Any:
    """-log w_i = log 10000 * 2i / d_model."""
    i = number(np.arange(pairs), like=like)
    share = i / max(pairs - 1, 1) if exponent == "i/(d_model/2-1)" else 2 * i / max(width, 1)
    return np.log(number(10000, like=like)) * share


@Part
def sine_and_cosine(angle: Any) -> list[Any]:
    """The two waves of each rate."""
    return [np.sin(angle), np.cos(angle)]


@sine_and_cosine.slip("sine and cosine exchanged")
def cosine_and_sine(angle: Any) -> list[Any]:
    return [np.cos(angle), np.sin(angle)]


@numbered.slip("positions counted from 1")
def numbered_from_one(length: int) -> np.ndarray:
    return np.arange(1, length + 1)


@log_rates.slip("the exponent 2i not halved: 10000^(-4i / d_model)")
def exponent_not_halved(pairs: int, width: int, exponent: str, *, like: Any) -> Any:
    return 2 * log_rates(pairs, width, exponent, like=like)


@log_rates.slip("the base 1000")
def base_1000(pairs: int, width: int, exponent: str, *, like: Any) -> Any:
    return log_rates(pairs, width, exponent, like=like) * 3 / 4


@log_rates.slip("the exponent i / d_model")
def exponent_halved_twice(pairs: int, width: int, exponent: str, *, like: Any) -> Any:
    return log_rates(pairs, width, exponent, like=like) / 2
