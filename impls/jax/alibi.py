"""The linear biases of ALiBi in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, static_argnames=("n_heads", "length_q", "length_k"), keep_unused=True)
def alibi(n_heads: int, length_q: int, length_k: int, *, like: jax.Array | None = None) -> jax.Array:
    """-m_h |i + L_k - L_q - j|, (n_heads, L_q, L_k): the further a key from its query, the lower its score.

    The slopes m are 2^(-8 h / n), h = 1 ... n, if n = n_heads is a power of two. Else they are those of the power of two below,
    then the first, third, ... of the power of two above. The dtype is that of `like`, else float32. `like` is kept although
    its values are not used: it decides the device.
    """
    dtype = jnp.float32 if like is None else like.dtype
    distances = jnp.abs(jnp.arange(length_q)[:, None] + (length_k - length_q) - jnp.arange(length_k))
    return -jnp.asarray(slopes(n_heads), dtype)[:, None, None] * distances.astype(dtype)


def slopes(n_heads: int) -> list[float]:
    """One slope for each head."""
    power = 2 ** (n_heads.bit_length() - 1)
    own = [2.0 ** (-8.0 * h / power) for h in range(1, power + 1)]
    return own if power == n_heads else own + slopes(2 * power)[0::2][: n_heads - power]
