"""One layer of the encoder in JAX: self-attention and feed-forward, each with its residual and its norm."""

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
def encoder_layer(
    x: jax.Array,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: jax.Array | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> jax.Array:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are self-attention (`norm_1`) and the feed-forward network (`norm_2`).
    params: `self_attention`, `feed_forward`, `norm_1`, `norm_2`, the norms with `gamma` and `beta`.
    keep: masks of x's shape by which the outputs of `self_attention` and `feed_forward` are dropped; a name may be missing.
    """

    kept_1, kept_2 = domain.masks(keep, "self_attention", "feed_forward")

    def attend(x: jax.Array) -> jax.Array:
        attended = multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask)
        return thinned(attended, kept_1, rate)

    def feed(x: jax.Array) -> jax.Array:
        return thinned(feed_forward(x, params["feed_forward"], activation=activation), kept_2, rate)

    def norm_1(x: jax.Array) -> jax.Array:
        return layer_norm(x, params["norm_1"]["gamma"], params["norm_1"]["beta"], eps=eps)

    def norm_2(x: jax.Array) -> jax.Array:
        return layer_norm(x, params["norm_2"]["gamma"], params["norm_2"]["beta"], eps=eps)

    if norm == "pre":
        x = residual(x, attend(norm_1(x)))
        return residual(x, feed(norm_2(x)))
    x = norm_1(residual(x, attend(x)))
    return norm_2(residual(x, feed(x)))
