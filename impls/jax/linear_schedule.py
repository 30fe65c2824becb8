"""A linear rise and fall of the learning rate in JAX, for steps that may be traced."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer.impls import domain


def linear_schedule(step: int | jax.Array, *, warmup: int, total: int) -> jax.Array:
    """step / warmup up to step `warmup`, then (total - step) / (total - warmup), and 0 from step `total` on."""
    domain.at_least(0, step=step, warmup=warmup)
    domain.at_least(warmup + 1, total=total)
    return _share(step, warmup, total)


@jax.jit
def _share(step: jax.Array, warmup: jax.Array, total: jax.Array) -> jax.Array:
    falling = jnp.maximum((total - step) / (total - warmup), 0.0)
    return jnp.where(step < warmup, step / jnp.maximum(warmup, 1), falling)
