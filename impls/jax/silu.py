"""SiLU in JAX."""

from __future__ import annotations

import jax


@jax.jit
def silu(x: jax.Array) -> jax.Array:
    """x sigmoid(x) = x / (1 + exp(-x))."""
    return x * jax.nn.sigmoid(x)
