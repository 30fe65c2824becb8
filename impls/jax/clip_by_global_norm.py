"""Clipping of gradients by their common norm, in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer.impls import domain


def clip_by_global_norm(grads: dict[str, jax.Array], max_norm: float) -> dict[str, jax.Array]:
    """Every array times min(1, max_norm / norm), where norm is the length of all of them as one vector."""
    domain.positive(max_norm=max_norm)
    return _clipped(grads, max_norm)


@jax.jit
def _clipped(grads: dict[str, jax.Array], max_norm: jax.Array) -> dict[str, jax.Array]:
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in grads.values()))
    factor = jnp.minimum(1.0, max_norm / norm)
    return {name: g * factor for name, g in grads.items()}
