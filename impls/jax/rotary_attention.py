"""Attention with rotary positions in JAX."""

from __future__ import annotations

import functools

import jax

from veriformer.impls.jax.attention import attention
from veriformer.impls.jax.rotary_positions import rotary_positions


@functools.partial(jax.jit, static_argnames=("layout", "causal"))
def rotary_attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    positions: jax.Array,
    *,
    positions_k: jax.Array | None = None,
    base: float = 10000.0,
    layout: str = "interleaved",
    mask: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    """attention(R_p q, R_p' k, v): queries and keys are turned by their positions, values are not.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); positions (..., L_q), positions_k (..., L_k),
    the same unless given. base and layout as in rotary_positions, mask and causal as in attention.
    """
    at_k = positions if positions_k is None else positions_k
    turned_q = rotary_positions(q, positions, base=base, layout=layout)
    turned_k = rotary_positions(k, at_k, base=base, layout=layout)
    return attention(turned_q, turned_k, v, mask=mask, causal=causal)
