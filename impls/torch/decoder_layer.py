"""One layer of the decoder in PyTorch: causal self-attention, attention on the memory, feed-forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from veriformer.impls import domain
from veriformer.impls.torch.apply_dropout import thinned
from veriformer.impls.torch.feed_forward import feed_forward
from veriformer.impls.torch.layer_norm import layer_norm
from veriformer.impls.torch.multi_head_attention import multi_head_attention
from veriformer.impls.torch.residual import residual


def decoder_layer(
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
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are causal self-attention (`norm_1`), attention on the memory (`norm_2`), and feed-forward (`norm_3`).
    memory (..., L_memory, d_model) goes in as it is: no norm of this layer touches it.
    params: `self_attention`, `cross_attention`, `feed_forward`, `norm_1`, `norm_2`, `norm_3`, with `gamma` and `beta`.
    mask (..., n_heads or 1, L, L) hides more than the future does; memory_mask (..., n_heads or 1, L, L_memory).
    keep: masks of x's shape by which the outputs of the three sub-layers are dropped, by their names; one may be missing.
    """

    kept_1, kept_2, kept_3 = domain.masks(keep, "self_attention", "cross_attention", "feed_forward")

    def attend(x: torch.Tensor) -> torch.Tensor:
        attended = multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask, causal=True)
        return thinned(attended, kept_1, rate)

    def consult(x: torch.Tensor) -> torch.Tensor:
        consulted = multi_head_attention(x, memory, params["cross_attention"], n_heads=n_heads, mask=memory_mask)
        return thinned(consulted, kept_2, rate)

    def feed(x: torch.Tensor) -> torch.Tensor:
        return thinned(feed_forward(x, params["feed_forward"], activation=activation), kept_3, rate)

    def normalise(x: torch.Tensor, name: str) -> torch.Tensor:
        return layer_norm(x, params[name]["gamma"], params[name]["beta"], eps=eps)

    if norm == "pre":
        x = residual(x, attend(normalise(x, "norm_1")))
        x = residual(x, consult(normalise(x, "norm_2")))
        return residual(x, feed(normalise(x, "norm_3")))
    x = normalise(residual(x, attend(x)), "norm_1")
    x = normalise(residual(x, consult(x)), "norm_2")
    return normalise(residual(x, feed(x)), "norm_3")
