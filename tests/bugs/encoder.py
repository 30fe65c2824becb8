"""Real bugs of encoders, re-created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation
from veriformer.impls.numpy.encoder import encoder as encode

Array = np.ndarray

MH07 = Bug(
    "MH07",
    "encoder",
    "https://github.com/pytorch/pytorch/issues/97111",
    "With a padding mask the answer is cut to the longest sequence of the batch.",
)

honest = Implementation("honest encoder", "numpy")


@honest.component
def encoder(x: Array, params: Mapping[str, Any], *, n_heads: int, mask: Array | None = None) -> Array:
    """As many positions out as in."""
    return encode(x, params, n_heads=n_heads, mask=mask)


@MH07.in_numpy()
def cut_to_the_longest(x: Array, params: Mapping[str, Any], *, n_heads: int, mask: Array | None = None) -> Array:
    y = encode(x, params, n_heads=n_heads, mask=mask)
    if mask is None or mask.shape[-2] > 1:
        return y
    some = mask.reshape(-1, mask.shape[-1]).any(0)
    return y[..., : int(np.flatnonzero(some).max(initial=-1)) + 1, :]


BUGS = (MH07,)
