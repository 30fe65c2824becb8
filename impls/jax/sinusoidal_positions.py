"""The table of sinusoidal positions in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, static_argnames=("length", "d_model"), keep_unused=True)
def sinusoidal_positions(length: int, d_model: int, *, like: jax.Array | None = None) -> jax.Array:
    """Column 2i holds sin(p w_i), column 2i + 1 holds cos(p w_i), w_i = 10000^(-2i / d_model); (length, d_model).

    The dtype, of the angles too, is that of `like`, else float32. Odd d_model: the last cosine is dropped.
    `like` is kept although its values are not used: it decides the device.
    """
    dtype = jnp.float32 if like is None else like.dtype
    positions = jnp.arange(length, dtype=dtype)[:, None]
    frequencies = 10000.0 ** (-jnp.arange(0, d_model, 2, dtype=dtype) / d_model)
    angles = positions * frequencies
    pairs = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)  # (length, d_model / 2 rounded up, 2)
    return pairs.reshape(length, 2 * angles.shape[-1])[:, :d_model]
