"""One layer of the decoder in JAX: causal self-attention, attention on the memory, feed-forward."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax

from veriformer.impls import domain
from veriformer.impls.jax.apply_dropout import thinned
from veriformer.impls.jax.feed_forward import feed_forward
from veriformer.impls.jax.layer_norm import layer_norm
from veriformer.impls.jax.multi_head_attention import multi_head_attention
from veriformer.impls.jax.residual import residual


@functools.partial(jax.jit, static_argnames=("n_heads", "norm", "activation", "rate"))
def decoder_layer(
    x: jax.Array,
    memory: jax.Array,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: jax.Array | None = None,
    memory_mask: jax.Array | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> jax.Array:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are causal self-attention (`norm_1`), attention on the memory (`norm_2`), and feed-forward (`norm_3`).
    memory (..., L_memory, d_model) goes in as it is: no norm of this layer touches it.
    params: `self_attention`, `cross_attention`, `feed_forward`, `norm_1`, `norm_2`, `norm_3`, with `gamma` and `beta`.
    mask (..., n_heads or 1, L, L) hides more than the future does; memory_mask (..., n_heads or 1, L, L_memory).
    keep: masks of x's shape by which the outputs of the three sub-layers are dropped, by their names; one may be missing.
    """

    kept_1, kept_2, kept_3 = domain.masks(keep, "self_attention", "cross_attention", "feed_forward")

    def attend(x: jax.Array) -> jax.Array:
        attended = multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask, causal=True)
        return thinned(attended, kept_1, rate)

    def consult(x: jax.Array) -> jax.Array:
        consulted = multi_head_attention(x, memory, params["cross_attention"], n_heads=n_heads, mask=memory_mask)
        return thinned(consulted, kept_2, rate)

    def feed(x: jax.Array) -> jax.Array:
        return thinned(feed_forward(x, params["feed_forward"], activation=activation), kept_3, rate)

    def normalise(x: jax.Array, name: str) -> jax.Array:
        return layer_norm(x, params[name]["gamma"], params[name]["beta"], eps=eps)

    if norm == "pre":
        x = residual(x, attend(normalise(x, "norm_1")))
        x = residual(x, consult(normalise(x, "norm_2")))
        return residual(x, feed(normalise(x, "norm_3")))
    x = normalise(residual(x, attend(x)), "norm_1")
    x = normalise(residual(x, consult(x)), "norm_2")
    return normalise(residual(x, feed(x)), "norm_3")
