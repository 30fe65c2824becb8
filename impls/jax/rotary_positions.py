"""Rotary positions in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, static_argnames="layout")
def rotary_positions(
    x: jax.Array, positions: jax.Array, *, base: float = 10000.0, layout: str = "interleaved"
) -> jax.Array:
    """Each pair (a, b) of features becomes (a cos t - b sin t, a sin t + b cos t), t = position base^(-2i / d), i-th pair.

    x (..., L, d), d even; positions (..., L), integers -> like x. layout: "interleaved", features 2i and 2i + 1 make a pair;
    "halves", features i and i + d/2. The angles are of x's dtype.
    """
    d = x.shape[-1]
    rates = jnp.asarray(base, x.dtype) ** (-jnp.arange(0, d, 2, dtype=x.dtype) / d)
    angles = positions[..., None].astype(x.dtype) * rates  # (..., L, d / 2)
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    if layout == "halves":
        first, second = x[..., : d // 2], x[..., d // 2 :]
        return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = jnp.stack([first * cos - second * sin, first * sin + second * cos], axis=-1)
    return turned.reshape(*turned.shape[:-2], d)
