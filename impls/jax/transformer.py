"""The whole Transformer in JAX: tokens of a source and of a target in, logits of the next tokens out."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax

from veriformer.impls import domain
from veriformer.impls.jax.apply_dropout import thinned
from veriformer.impls.jax.decoder import decoder
from veriformer.impls.jax.embedding import embedding
from veriformer.impls.jax.encoder import encoder
from veriformer.impls.jax.learned_positions import learned_positions
from veriformer.impls.jax.wide import product


@functools.partial(jax.jit, static_argnames=("n_heads", "norm", "activation", "rate"))
def transformer(
    source: jax.Array,
    target: jax.Array,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    source_mask: jax.Array | None = None,
    target_mask: jax.Array | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> jax.Array:
    """decoder(embed(target), encoder(embed(source))) output; source (..., L_source), target (..., L) -> (..., L, vocabulary).

    params: `embedding` (vocabulary, d_model) and `positions` (longest, d_model), for source and target alike; `encoder`,
    `decoder`; `output` (d_model, vocabulary) unless it is tied: then it is the embedding, transposed.
    source_mask (..., n_heads or 1, 1, L_source): which tokens of the source encoder and decoder may see.
    target_mask (..., n_heads or 1, L, L) hides more than the future does.
    keep: masks of dropout, nested like params: `embedding`, for the sums of row and position, with `source` and `target`;
    `encoder`; `decoder`. What is missing is not dropped.
    """
    options: dict[str, Any] = {"n_heads": n_heads, "norm": norm, "activation": activation, "eps": eps, "rate": rate}
    scale = math.sqrt(params["embedding"].shape[-1])
    sums, kept_encoder, kept_decoder = domain.masks(keep, "embedding", "encoder", "decoder")
    kept_source, kept_target = domain.masks(sums, "source", "target")
    x = thinned(embed(source, params, scale), kept_source, rate)
    memory = encoder(x, params["encoder"], mask=source_mask, keep=kept_encoder, **options)
    y = thinned(embed(target, params, scale), kept_target, rate)
    seen: dict[str, Any] = {"mask": target_mask, "memory_mask": source_mask}
    return project(decoder(y, memory, params["decoder"], keep=kept_decoder, **seen, **options), params)


def embed(tokens: jax.Array, params: Mapping[str, Any], scale: float) -> jax.Array:
    """Each token's row, scaled, plus its position's row; tokens (..., L) -> (..., L, d_model)."""
    places = learned_positions(tokens.shape[-1], params["positions"])
    return embedding(tokens, params["embedding"], scale=scale) + places


def project(h: jax.Array, params: Mapping[str, Any]) -> jax.Array:
    """How well each state matches each token: h output, or h embedding^T; (..., L, d_model) -> (..., L, vocabulary)."""
    return product(h, params["output"] if "output" in params else params["embedding"].T)
