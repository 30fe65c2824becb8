"""A language model, and its gradients, in NumPy: encoder layers that see the past alone, from tokens to logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder import encoder, encoder_vjp
from veriformer.impls.numpy.transformer import added, embed, embed_vjp, project, project_vjp


def language_model(
    tokens: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> np.ndarray:
    """encoder(embedding[tokens] + positions) output, no position seeing a later one; (..., L) -> (..., L, vocabulary).

    params: `embedding` (vocabulary, d_model), `positions` (longest, d_model), `layers`, optionally `final_norm`, and
    `output` (d_model, vocabulary) unless it is tied: then it is the embedding, transposed.
    mask (..., n_heads or 1, L, L) hides more than the future does.
    """
    x, stack = embed(tokens, params, 1.0), layers_of(params)
    options: dict[str, Any] = {"n_heads": n_heads, "norm": norm, "activation": activation, "eps": eps}
    return project(encoder(x, stack, mask=past(tokens, mask), **options), params)


def past(tokens: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """What each position may see: itself and those before it, as far as the mask allows."""
    seen = np.tri(tokens.shape[-1], dtype=bool)
    return seen if mask is None else mask & seen


def layers_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the parameters that is an encoder's."""
    return {name: params[name] for name in ("layers", "final_norm") if name in params}


def language_model_vjp(
    cotangent: np.ndarray,
    tokens: np.ndarray,
    params: Mapping[str, Any],
    *,
    mask: np.ndarray | None = None,
    **options: Any,
) -> tuple[dict[str, Any]]:
    """The gradient for every parameter; tokens have none. options: the other keywords of `language_model`.

    The embedding is met as the lookup and, if it is tied, as the output: its gradient is the sum of the two.
    """
    x, stack, seen = embed(tokens, params, 1.0), layers_of(params), past(tokens, mask)
    h = encoder(x, stack, mask=seen, **options)
    d_h, d_output = project_vjp(cotangent, h, params)
    d_x, d_stack = encoder_vjp(d_h, x, stack, mask=seen, **options)
    found = {**d_stack, **added((embed_vjp(d_x, tokens, params, 1.0), d_output))}
    return ({name: found[name] for name in params},)
