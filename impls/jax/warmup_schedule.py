"""The learning rate of the paper in JAX, for steps that may be traced."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer.impls import domain


def warmup_schedule(step: int | jax.Array, *, d_model: int, warmup: int) -> jax.Array:
    """d_model^-0.5 min(step^-0.5, step warmup^-1.5): rises up to step `warmup`, falls after it; steps count from 1."""
    domain.at_least(1, step=step, d_model=d_model, warmup=warmup)
    return _rate(step, d_model, warmup)


@jax.jit
def _rate(step: jax.Array, d_model: jax.Array, warmup: jax.Array) -> jax.Array:
    return d_model**-0.5 * jnp.minimum(step**-0.5, step * warmup**-1.5)
