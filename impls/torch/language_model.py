"""A language model in PyTorch: tokens in, logits of the next tokens out, by encoder layers that see the past alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from veriformer.impls.torch.encoder import encoder
from veriformer.impls.torch.transformer import embed, project


def language_model(
    tokens: torch.Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: torch.Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> torch.Tensor:
    """encoder(embedding[tokens] + positions) output, no position seeing a later one; (..., L) -> (..., L, vocabulary).

    params: `embedding` (vocabulary, d_model), `positions` (longest, d_model), `layers`, optionally `final_norm`, and
    `output` (d_model, vocabulary) unless it is tied: then it is the embedding, transposed.
    mask (..., n_heads or 1, L, L) hides more than the future does.
    """
    past = torch.ones(tokens.shape[-1], tokens.shape[-1], dtype=torch.bool, device=tokens.device).tril()
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
