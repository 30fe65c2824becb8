"""Root mean square normalisation in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer.impls.jax.wide import times


@jax.jit
def rms_norm(x: jax.Array, gamma: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    """x / sqrt(mean(x^2) + eps) gamma over the last axis; x (..., n), gamma (n,) -> like x."""
    return times(x * (1.0 / jnp.sqrt(jnp.mean(x * x, axis=-1, keepdims=True) + eps)), gamma)
