"""Logarithm of the softmax over the last axis in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.jit
def log_softmax(x: jax.Array) -> jax.Array:
    """x_i - log sum_j exp(x_j); x (..., n). The largest entry is taken off first: it cancels, and exp stays below 1."""
    shifted = x - jnp.max(jax.lax.stop_gradient(x), axis=-1, keepdims=True)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))
