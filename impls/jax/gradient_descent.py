"""Gradient descent in JAX."""

from __future__ import annotations

import jax

from veriformer.impls import domain


def gradient_descent(params: dict[str, jax.Array], grads: dict[str, jax.Array], *, lr: float) -> dict[str, jax.Array]:
    """p - lr g for every array and its gradient of the same name."""
    domain.not_negative(lr=lr)
    domain.alike("params", params, grads=grads)
    return _descended(params, grads, lr)


@jax.jit
def _descended(params: dict[str, jax.Array], grads: dict[str, jax.Array], lr: jax.Array) -> dict[str, jax.Array]:
    return {name: p - lr * grads[name] for name, p in params.items()}
