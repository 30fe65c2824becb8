"""Real bugs of attention with rotary positions inside, re-created."""

from __future__ import annotations

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation
from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.rotary_positions import rotary_positions

Array = np.ndarray

PE06 = Bug(
    "PE06",
    "rotary_attention",
    "https://github.com/hpcaitech/ColossalAI/pull/6429",
    "The fused kernel writes halves of the queries into the keys, and the other way round.",
)

honest = Implementation("honest rotary_attention", "numpy")


@honest.component("rotary_attention", layout="halves")
def rotary_attention(
    q: Array, k: Array, v: Array, positions: Array, *, positions_k: Array | None = None, causal: bool = False
) -> Array:
    """Queries and keys turned each by itself."""
    return attention(*turned(q, k, positions, positions_k), v, causal=causal)


def turned(q: Array, k: Array, positions: Array, positions_k: Array | None) -> tuple[Array, Array]:
    """Both at their positions; features i and i + d / 2 make a pair."""
    at_k = positions if positions_k is None else positions_k
    return rotary_positions(q, positions, layout="halves"), rotary_positions(k, at_k, layout="halves")


@PE06.in_numpy(layout="halves")
def halves_crossed(
    q: Array, k: Array, v: Array, positions: Array, *, positions_k: Array | None = None, causal: bool = False
) -> Array:
    q, k = turned(q, k, positions, positions_k)
    if q.shape == k.shape:
        half = q.shape[-1] // 2
        q = k = np.concatenate([q[..., :half], k[..., half:]], -1)
    return attention(q, k, v, causal=causal)


BUGS = (PE06,)
