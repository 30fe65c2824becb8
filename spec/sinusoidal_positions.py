"""sinusoidal_positions: each position as the hands of clocks that run at geometrically falling speeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import number

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
    i = number(np.arange(pairs), like=like)
    w = np.exp(-np.log(number(10000, like=like)) * (2 * i / d_model))
    angle = number(np.arange(length)[:, None], like=like) * w
    if arrangement == "concatenated":
        return np.concatenate([np.sin(angle), np.cos(angle)], -1)[:, :d_model]
    return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(length, 2 * pairs)[:, :d_model]
