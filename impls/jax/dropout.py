"""Dropout in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from veriformer.impls import domain
from veriformer.impls.jax.apply_dropout import apply_dropout


def dropout(x: jax.Array, rate: float, seed: int, *, training: bool = True) -> jax.Array:
    """Each number of x dropped with probability `rate`, the others divided by 1 - rate; x itself outside training.

    The seed makes the key: the same seed and shape draw the same mask.
    """
    domain.shares(rate=rate)
    domain.seed(seed)
    return _dropout(x, jax.random.key(seed), rate) if training else x


@functools.partial(jax.jit, static_argnames="rate")
def _dropout(x: jax.Array, key: jax.Array, rate: float) -> jax.Array:
    keep = jax.random.uniform(key, x.shape, jnp.float32) >= rate
    return apply_dropout(x, keep, rate)
