"""Weight decay in JAX."""

from __future__ import annotations

import jax

from veriformer.impls import domain


def weight_decay(params: dict[str, jax.Array], *, lr: float, rate: float) -> dict[str, jax.Array]:
    """p - lr rate p for every array."""
    domain.not_negative(lr=lr, rate=rate)
    return _decayed(params, lr, rate)


@jax.jit
def _decayed(params: dict[str, jax.Array], lr: jax.Array, rate: jax.Array) -> dict[str, jax.Array]:
    return {name: p - lr * rate * p for name, p in params.items()}
