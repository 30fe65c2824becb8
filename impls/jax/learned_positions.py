"""Learned positions in JAX."""

from __future__ import annotations

import functools

import jax


@functools.partial(jax.jit, static_argnames="length")
def learned_positions(length: int, table: jax.Array) -> jax.Array:
    """The first rows of the table: (longest, d_model) -> (length, d_model)."""
    return table[:length]
