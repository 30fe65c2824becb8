"""Token embedding in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, static_argnames="padding_idx")
def embedding(tokens: jax.Array, table: jax.Array, *, scale: float = 1.0, padding_idx: int | None = None) -> jax.Array:
    """scale table[tokens]: tokens (..., L), table (vocabulary, d_model) -> (..., L, d_model).

    `padding_idx` changes nothing here: it only keeps that row of the table without a gradient.
    """
    rows = table[tokens.astype(jnp.int32)]
    if padding_idx is not None:
        rows = jnp.where((tokens == padding_idx)[..., None], jax.lax.stop_gradient(rows), rows)
    return scale * rows
