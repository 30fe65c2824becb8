"""The encoder in JAX: its layers one after the other, and a last norm if there is one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax

from veriformer.impls import domain
from veriformer.impls.jax.encoder_layer import encoder_layer
from veriformer.impls.jax.layer_norm import layer_norm


@functools.partial(jax.jit, static_argnames=("n_heads", "norm", "activation", "rate"))
def encoder(
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
    """layer_N(... layer_1(x)), then the final norm; x (..., L, d_model) -> like x.

    params: `layers`, a list of what `encoder_layer` takes, and optionally `final_norm` with `gamma` and `beta`.
    keep: {"layers": [the masks of each layer, or None, ...]}, by which what its sub-layers answer is dropped.
    """
    options: dict[str, Any] = {"activation": activation, "eps": eps, "rate": rate}
    for layer, own in zip(params["layers"], domain.masks_of_layers(keep, len(params["layers"])), strict=True):
        x = encoder_layer(x, layer, n_heads=n_heads, mask=mask, norm=norm, keep=own, **options)
    if "final_norm" in params:
        x = layer_norm(x, params["final_norm"]["gamma"], params["final_norm"]["beta"], eps=eps)
    return x
