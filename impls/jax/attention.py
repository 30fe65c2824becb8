"""Scaled dot-product attention in JAX."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp

from veriformer.impls.jax.apply_dropout import thinned
from veriformer.impls.jax.softmax import softmax
from veriformer.impls.jax.wide import product


@functools.partial(jax.jit, static_argnames=("causal", "window", "rate"))
def attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    mask: jax.Array | None = None,
    bias: jax.Array | None = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    keep: jax.Array | None = None,
    rate: float = 0.0,
) -> jax.Array:
    """softmax(scale q k^T + bias) v, over the keys that mask, causal order and window allow.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); scale is 1/sqrt(d_k) unless given.
    Heads, if any, are axis -3; fewer key heads than query heads are shared, each by as many query heads in a row.
    keep (..., L_q, L_k): dropout of the weights, each of them p / (1 - rate) where it is true and 0 elsewhere.
    """
    k, v = repeat_heads(k, q), repeat_heads(v, q)
    allowed = allowed_pairs(q.shape[-2], k.shape[-2], mask, causal, window)
    k, v = without_unseen(k, allowed), without_unseen(v, allowed)
    scores = product(q, jnp.swapaxes(k, -1, -2))
    scores = scores * (1.0 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    weights = softmax(scores, mask=allowed)
    weights = thinned(weights, keep, rate)
    return product(weights, v)


def allowed_pairs(length_q: int, length_k: int, mask: jax.Array | None, causal: bool, window: int | None) -> jax.Array:
    """May query i attend to key j? (..., L_q, L_k). The last query stands beside the last key."""
    i = jnp.arange(length_q)[:, None] + (length_k - length_q)
    j = jnp.arange(length_k)
    allowed = jnp.ones((length_q, length_k), dtype=bool) if mask is None else mask
    if causal:
        allowed = allowed & (j <= i)
    if window is not None:
        allowed = allowed & (jnp.abs(i - j) < window)
    return allowed


def without_unseen(keys: jax.Array, allowed: jax.Array) -> jax.Array:
    """Zeros for the keys, or values, that no query sees: a padding may hold anything, and 0 * nan is nan."""
    return jnp.where(jnp.any(allowed, axis=-2)[..., None], keys, 0.0)


def repeat_heads(keys: jax.Array, q: jax.Array) -> jax.Array:
    """One key head per query head: query head h uses key head h // (H_q / H_k). One head, or none, is broadcast."""
    shared = q.ndim > 2 and keys.ndim > 2 and 1 < keys.shape[-3] < q.shape[-3]
    return jnp.repeat(keys, q.shape[-3] // keys.shape[-3], axis=-3) if shared else keys
