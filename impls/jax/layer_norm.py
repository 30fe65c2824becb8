"""Layer normalisation in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer.impls.jax.wide import plus, times


@jax.jit
def layer_norm(x: jax.Array, gamma: jax.Array, beta: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    """(x - mean) / sqrt(variance + eps) gamma + beta over the last axis; x (..., n), gamma and beta (n,) -> like x.

    The variance is the mean of the squared deviations (divided by n, not n - 1), taken in a second pass after the mean.
    """
    mean = jnp.mean(x, axis=-1, keepdims=True)
    deviation = x - mean
    variance = jnp.mean(deviation * deviation, axis=-1, keepdims=True)
    return plus(times(deviation * (1.0 / jnp.sqrt(variance + eps)), gamma), beta)
