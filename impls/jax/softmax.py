"""Softmax over the last axis in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.jit
def softmax(x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    """exp(x_i) / sum_j exp(x_j), over the j that the mask allows; x (..., n), mask broadcast to x.

    Each row is shifted by its largest allowed entry, which cancels in the quotient and keeps exp at or below 1; since
    it cancels, no gradient is taken through it. A row with nothing allowed gives zeros, and zero gradients: both
    the shift and the divisor are replaced before they could make a NaN.
    """
    logits = x if mask is None else jnp.where(mask, x, -jnp.inf)
    highest = jnp.max(jax.lax.stop_gradient(logits), axis=-1, keepdims=True, initial=-jnp.inf)
    shift = jnp.where(highest == -jnp.inf, 0.0, highest)
    exponentials = jnp.exp(logits - shift)
    total = jnp.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / jnp.where(total == 0.0, 1.0, total)
