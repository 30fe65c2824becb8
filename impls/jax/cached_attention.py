"""Multi-head attention decoded step by step in JAX: a pure function of fixed shapes, and an object that holds its state."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from veriformer.impls.jax.attention import attention
from veriformer.impls.jax.multi_head_attention import merge_heads, project, split_heads
from veriformer.impls.jax.rotary_positions import rotary_positions

ROOM = 16
"""Positions that there is room for at first, if no number is given; whenever they are used up it doubles, and compiles."""


class CachedAttention:
    """Causal self-attention over a sequence that comes in pieces.

    params: w_q, w_k, w_v, w_o, with b_q, b_k, b_v, b_o or none of them, as multi_head_attention's. max_length: positions
    to reserve room for at once; without it the room doubles whenever it is used up. window: how many positions each sees,
    itself included. rotary_base, layout: queries and keys are turned at their positions, as by rotary_positions; a key is
    kept as it was turned.
    """

    def __init__(
        self,
        params: Mapping[str, jax.Array],
        *,
        n_heads: int,
        max_length: int | None = None,
        window: int | None = None,
        rotary_base: float | None = None,
        layout: str = "interleaved",
    ) -> None:
        self.params, self.n_heads, self.max_length = params, n_heads, max_length
        self.how = {"window": window, "rotary_base": rotary_base, "layout": layout}
        self.length = 0
        self.keys: jax.Array | None = None  # (..., n_heads, room, d_k), of which the first `length` are written
        self.values: jax.Array | None = None  # (..., n_heads, room, d_v)

    def step(self, x_new: jax.Array) -> jax.Array:
        """The answers at the next positions, x_new (..., L_new, d_model) -> like x_new: each attends to all before it.

        Raises ValueError when there is no room left: dynamic_update_slice would write over the last positions.
        """
        end = self.length + x_new.shape[-2]
        if self.max_length is not None and end > self.max_length:
            raise ValueError(f"{end} positions, where there is room for max_length = {self.max_length}")
        room = self.max_length or max(ROOM, 1 << (end - 1).bit_length())
        self.keys = with_room(self.keys, room, x_new, self.params["w_k"], self.n_heads)
        self.values = with_room(self.values, room, x_new, self.params["w_v"], self.n_heads)
        answer, self.keys, self.values = advance(
            x_new, self.keys, self.values, self.length, self.params, n_heads=self.n_heads, **self.how
        )
        self.length = end
        return answer

    def reorder(self, index: jax.Array) -> None:
        """Row b of the batch goes on from what row index[b] has seen: the beams that a search keeps."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = (jnp.take(kept, index, axis=0) for kept in (self.keys, self.values))


def with_room(kept: jax.Array | None, room: int, x: jax.Array, w: jax.Array, n_heads: int) -> jax.Array:
    """Keys or values so far, with room for `room` positions; what is not written yet is 0."""
    *batch, _, _ = x.shape
    if kept is None:
        return jnp.zeros((*batch, n_heads, room, w.shape[-1] // n_heads), dtype=x.dtype)
    missing = room - kept.shape[-2]
    return jnp.pad(kept, [(0, 0)] * (kept.ndim - 2) + [(0, missing), (0, 0)]) if missing else kept


@functools.partial(
    jax.jit,
    static_argnames=("n_heads", "window", "rotary_base", "layout"),
    donate_argnames=("keys", "values"),
)
def advance(
    x: jax.Array,
    keys: jax.Array,
    values: jax.Array,
    length: int,
    params: Mapping[str, jax.Array],
    *,
    n_heads: int,
    window: int | None,
    rotary_base: float | None,
    layout: str,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The answers at the positions length, length + 1, ..., and the keys and values with theirs.

    x (..., L_new, d_model), keys (..., n_heads, room, d_k), values (..., n_heads, room, d_v). `length` is traced: one
    compilation serves all steps of a shape.
    """
    q, k, v = (split_heads(project(x, params, name), n_heads) for name in "qkv")
    positions = length + jnp.arange(x.shape[-2])
    if rotary_base is not None:
        q, k = (rotary_positions(y, positions, base=rotary_base, layout=layout) for y in (q, k))
    keys = jax.lax.dynamic_update_slice_in_dim(keys, k, length, axis=-2)
    values = jax.lax.dynamic_update_slice_in_dim(values, v, length, axis=-2)
    behind = positions[:, None] - jnp.arange(keys.shape[-2])
    heads = attention(q, keys, values, mask=(behind >= 0) if window is None else (behind >= 0) & (behind < window))
    return project(merge_heads(heads), params, "o"), keys, values
