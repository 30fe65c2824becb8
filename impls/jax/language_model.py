"""A language model in JAX: tokens in, logits of the next tokens out, by encoder layers that see the past alone."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from veriformer.impls.jax.encoder import encoder
from veriformer.impls.jax.transformer import embed, project


@functools.partial(jax.jit, static_argnames=("n_heads", "norm", "activation"))
def language_model(
    tokens: jax.Array,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: jax.Array | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> jax.Array:
    """encoder(embedding[tokens] + positions) output, no position seeing a later one; (..., L) -> (..., L, vocabulary).

    params: `embedding` (vocabulary, d_model), `positions` (longest, d_model), `layers`, optionally `final_norm`, and
    `output` (d_model, vocabulary) unless it is tied: then it is the embedding, transposed.
    mask (..., n_heads or 1, L, L) hides more than the future does.
    """
    past = jnp.tri(tokens.shape[-1], dtype=bool)
    h = encoder(
        embed(tokens, params, 1.0),
        {name: params[name] for name in ("layers", "final_norm") if name in params},
        n_heads=n_heads,
        mask=past if mask is None else mask & past,
        norm=norm,
        activation=activation,
        eps=eps,
    )
    return project(h, params)
