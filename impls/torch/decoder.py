"""The decoder in PyTorch: its layers one after the other, all on one memory, and a last norm if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from veriformer.impls import domain
from veriformer.impls.torch.decoder_layer import decoder_layer
from veriformer.impls.torch.layer_norm import layer_norm


def decoder(
    x: torch.Tensor,
    memory: torch.Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: torch.Tensor | None = None,
    memory_mask: torch.Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> torch.Tensor:
    """layer_N(... layer_1(x, memory), memory), then the final norm; x (..., L, d_model) -> like x.

    params: `layers`, a list of what `decoder_layer` takes, and optionally `final_norm` with `gamma` and `beta`.
    keep: {"layers": [the masks of each layer, or None, ...]}, by which what its sub-layers answer is dropped.
    """
    options: dict[str, Any] = {"n_heads": n_heads, "norm": norm, "activation": activation, "eps": eps, "rate": rate}
    for layer, own in zip(params["layers"], domain.masks_of_layers(keep, len(params["layers"])), strict=True):
        x = decoder_layer(x, memory, layer, mask=mask, memory_mask=memory_mask, keep=own, **options)
    if "final_norm" in params:
        x = layer_norm(x, params["final_norm"]["gamma"], params["final_norm"]["beta"], eps=eps)
    return x
