"""Dropout with a given mask in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from veriformer.impls import domain


@functools.partial(jax.jit, static_argnames="rate")
def apply_dropout(x: jax.Array, keep: jax.Array, rate: float) -> jax.Array:
    """x / (1 - rate) where `keep` is true, 0 elsewhere; x and keep of one shape. Rate 1 drops everything."""
    domain.dropout(x, keep, rate)
    kept = 1.0 - rate
    if rate == 1.0:  # 0 / 0 would be hidden by the mask, its derivative would not
        keep, kept = jnp.zeros_like(keep), 1.0
    return jnp.where(keep, x / kept, 0.0)


def thinned(x: jax.Array, keep: jax.Array | None, rate: float) -> jax.Array:
    """x after dropout, if there is a mask for it."""
    return x if keep is None else apply_dropout(x, keep, rate)
