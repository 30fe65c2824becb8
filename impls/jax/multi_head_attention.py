"""Multi-head attention in JAX: project, attend in every head, project back."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from veriformer.impls.jax.attention import attention
from veriformer.impls.jax.wide import plus, product


@functools.partial(jax.jit, static_argnames=("n_heads", "causal"))
def multi_head_attention(
    x: jax.Array,
    memory: jax.Array,
    params: Mapping[str, jax.Array],
    *,
    n_heads: int,
    mask: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    """Concat(head_1, ..., head_h) w_o + b_o, head_i = attention(x w_q, memory w_k, memory w_v), its block of columns.

    x (..., L_q, d_model), memory (..., L_k, d_model) -> like x; mask (..., n_heads or 1, L_q, L_k).
    params: w_q, w_k (d_model, n_heads d_k), w_v (d_model, n_heads d_v), w_o (n_heads d_v, d_model), and
    b_q, b_k, b_v, b_o or none of them. Self-attention is memory = x.
    """
    q = split_heads(project(x, params, "q"), n_heads)
    k = split_heads(project(memory, params, "k"), n_heads)
    v = split_heads(project(memory, params, "v"), n_heads)
    heads = attention(q, k, v, mask=mask, causal=causal)
    return project(merge_heads(heads), params, "o")


def project(x: jax.Array, params: Mapping[str, jax.Array], name: str) -> jax.Array:
    """x w + b, the bias only if there is one."""
    projected = product(x, params[f"w_{name}"])
    return plus(projected, params[f"b_{name}"]) if f"b_{name}" in params else projected


def split_heads(x: jax.Array, n_heads: int) -> jax.Array:
    """(..., L, n_heads d) -> (..., n_heads, L, d): a head is a contiguous block of columns."""
    *batch, length, width = x.shape
    return jnp.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)


def merge_heads(heads: jax.Array) -> jax.Array:
    """(..., n_heads, L, d) -> (..., L, n_heads d)."""
    *batch, n_heads, length, width = heads.shape
    return jnp.swapaxes(heads, -2, -3).reshape(*batch, length, n_heads * width)
