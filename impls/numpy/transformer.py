"""The whole Transformer, and its gradients, in NumPy: tokens of a source and of a target in, logits of the next tokens out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.apply_dropout import thinned
from veriformer.impls.numpy.decoder import decoder, decoder_vjp
from veriformer.impls.numpy.embedding import embedding, embedding_vjp
from veriformer.impls.numpy.encoder import encoder, encoder_vjp
from veriformer.impls.numpy.feed_forward import d_weights
from veriformer.impls.numpy.learned_positions import learned_positions, learned_positions_vjp


def transformer(
    source: np.ndarray,
    target: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    source_mask: np.ndarray | None = None,
    target_mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> np.ndarray:
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


def embed(tokens: np.ndarray, params: Mapping[str, Any], scale: float) -> np.ndarray:
    """Each token's row, scaled, plus its position's row; tokens (..., L) -> (..., L, d_model)."""
    places = learned_positions(tokens.shape[-1], params["positions"])
    return embedding(tokens, params["embedding"], scale=scale) + places


def project(h: np.ndarray, params: Mapping[str, Any]) -> np.ndarray:
    """How well each state matches each token: h output, or h embedding^T; (..., L, d_model) -> (..., L, vocabulary)."""
    return np.matmul(h, params["output"] if "output" in params else params["embedding"].T)


def transformer_vjp(
    cotangent: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    params: Mapping[str, Any],
    *,
    source_mask: np.ndarray | None = None,
    target_mask: np.ndarray | None = None,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
    **options: Any,
) -> tuple[dict[str, Any]]:
    """The gradient for every parameter; tokens have none. options: the other keywords of `transformer`.

    Back through the output, the decoder, and, with what the decoder gave to its memory, the encoder. The embedding is
    met as the source's lookup, as the target's, and, if it is tied, as the output: its gradient is the sum of the three.
    """
    scale = math.sqrt(params["embedding"].shape[-1])
    sums, kept_encoder, kept_decoder = domain.masks(keep, "embedding", "encoder", "decoder")
    kept_source, kept_target = domain.masks(sums, "source", "target")
    x, y = (
        thinned(embed(source, params, scale), kept_source, rate),
        thinned(embed(target, params, scale), kept_target, rate),
    )
    outer: dict[str, Any] = {"mask": source_mask, "keep": kept_encoder, "rate": rate, **options}
    inner: dict[str, Any] = {
        "mask": target_mask,
        "memory_mask": source_mask,
        "keep": kept_decoder,
        "rate": rate,
        **options,
    }
    memory = encoder(x, params["encoder"], **outer)
    h = decoder(y, memory, params["decoder"], **inner)
    d_h, d_output = project_vjp(cotangent, h, params)
    d_y, d_memory, d_decoder = decoder_vjp(d_h, y, memory, params["decoder"], **inner)
    d_x, d_encoder = encoder_vjp(d_memory, x, params["encoder"], **outer)
    d_x, d_y = thinned(d_x, kept_source, rate), thinned(d_y, kept_target, rate)
    flows = (embed_vjp(d_x, source, params, scale), embed_vjp(d_y, target, params, scale), d_output)
    found = {"encoder": d_encoder, "decoder": d_decoder, **added(flows)}
    return ({name: found[name] for name in params},)


def embed_vjp(
    cotangent: np.ndarray, tokens: np.ndarray, params: Mapping[str, Any], scale: float
) -> dict[str, np.ndarray]:
    """The gradients for the two tables: a row gets what came back wherever its token, or its position, stood."""
    length, d_model = cotangent.shape[-2:]
    (d_table,) = embedding_vjp(cotangent, tokens, params["embedding"], scale=scale)
    d_places = np.sum(cotangent.reshape(-1, length, d_model), axis=0)
    (d_positions,) = learned_positions_vjp(d_places, length, params["positions"])
    return {"embedding": d_table, "positions": d_positions}


def project_vjp(
    cotangent: np.ndarray, h: np.ndarray, params: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The gradients for h and for the table that is the output: of y = h w they are g w^T and h^T g."""
    if "output" in params:
        return np.matmul(cotangent, params["output"].T), {"output": d_weights(h, cotangent)}
    return np.matmul(cotangent, params["embedding"]), {"embedding": d_weights(h, cotangent).T}


def added(flows: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What comes back to each table, from wherever it was read."""
    total: dict[str, np.ndarray] = {}
    for flow in flows:
        for name, gradient in flow.items():
            total[name] = total[name] + gradient if name in total else gradient
    return total
