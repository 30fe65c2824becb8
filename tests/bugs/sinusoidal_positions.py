"""Real bugs of sinusoidal positions, re-created."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation

Array = np.ndarray

PE01 = Bug(
    "PE01",
    "sinusoidal_positions",
    "https://github.com/jadore801120/attention-is-all-you-need-pytorch/issues/32",
    "The exponent is 2 i / d for column i, where columns 2 i and 2 i + 1 share it.",
)
PE03 = Bug(
    "PE03",
    "sinusoidal_positions",
    "https://github.com/zju3dv/LoFTR/issues/41",
    "-log(10000) / d // 2 is (-log(10000) / d) // 2, which is -1 whatever d is.",
)


def table(length: int, d_model: int, like: Array | None, angles: Callable[[Array, Array], Array]) -> Array:
    """Sines in the even columns, cosines in the odd ones; `angles` of positions and columns."""
    columns = np.arange(d_model)
    t = angles(np.arange(length)[:, None], columns)
    values = np.where(columns % 2 == 0, np.sin(t), np.cos(t))
    return values.astype(np.float64 if like is None else like.dtype)


honest = Implementation("honest sinusoidal_positions", "numpy")


@honest.component
def sinusoidal_positions(length: int, d_model: int, *, like: Array | None = None) -> Array:
    """Angles position / 10000^(2 i / d), the i-th pair."""
    return table(length, d_model, like, lambda p, c: p / 10000.0 ** (2 * (c // 2) / d_model))


@PE01.in_numpy()
def exponent_of_each_column(length: int, d_model: int, *, like: Array | None = None) -> Array:
    return table(length, d_model, like, lambda p, c: p / 10000.0 ** (2 * c / d_model))


@PE03.in_numpy()
def divided_and_floored(length: int, d_model: int, *, like: Array | None = None) -> Array:
    return table(length, d_model, like, lambda p, c: p * np.exp(2 * (c // 2) * (-math.log(10000.0) / d_model // 2)))


BUGS = (PE01, PE03)
