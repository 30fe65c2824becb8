"""The residual connection in JAX."""

from __future__ import annotations

import jax


@jax.jit
def residual(x: jax.Array, sublayer_output: jax.Array) -> jax.Array:
    """x + sublayer_output, two arrays of one shape."""
    return x + sublayer_output
