"""Real bugs of rotary positions, re-created."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bugs.bug import DECLARED, Bug
from veriformer import Implementation

Array = np.ndarray

PE04 = Bug(
    "PE04",
    "rotary_positions",
    "https://github.com/EleutherAI/gpt-neox/issues/1003",
    "Positions and angles take the dtype of the model: bfloat16 knows no integer between 256 and 258.",
    DECLARED,
    'precision="layer": the tables are to be float32 whatever the model is (pull request 1016). Who promises no more than '
    '"eager" may round the angle to bfloat16, and then nothing is known of its cosine.',
)
PE12 = Bug(
    "PE12",
    "rotary_positions",
    "https://github.com/lucidrains/rotary-embedding-torch/issues/11",
    "The table is kept under the length alone, so a later call with another offset gets the old one.",
)


def rotated(x: Array, angles: Array) -> Array:
    """Neighbouring features turned by their angle."""
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = x[..., 0::2], x[..., 1::2]
    return np.stack([first * cos - second * sin, first * sin + second * cos], -1).reshape(x.shape)


def angles_of(positions: Array, d: int, base: float) -> Array:
    """position * base^(-2 i / d), in float64."""
    return positions[..., None] * base ** (-np.arange(0, d, 2) / d)


honest = Implementation("honest rotary_positions", "numpy")


@honest.component("rotary_positions", layout="interleaved")
def rotary_positions(x: Array, positions: Array, *, base: float = 10000.0) -> Array:
    """Angles made afresh for each call."""
    return rotated(x, angles_of(positions, x.shape[-1], base))


@PE04.in_torch(dtypes=("bfloat16",), layout="halves", precision="layer")
def angles_in_the_dtype_of_the_model(x: Any, positions: Any, *, base: float = 10000.0) -> Any:
    import torch

    d = x.shape[-1]
    rates = 1.0 / base ** (torch.arange(0, d, 2).float() / d)
    angles = positions.to(x.dtype)[..., None] * rates.to(x.dtype)
    cos, sin = angles.cos().float(), angles.sin().float()
    first, second = x.float().chunk(2, -1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1).to(x.dtype)


TABLES: dict[tuple[int, int, float], Array] = {}


@PE12.in_numpy(layout="interleaved")
def kept_under_the_length(x: Array, positions: Array, *, base: float = 10000.0) -> Array:
    key = (*x.shape[-2:], base)
    if key not in TABLES:
        TABLES[key] = angles_of(positions, x.shape[-1], base)
    return rotated(x, TABLES[key])


BUGS = (PE04, PE12)
