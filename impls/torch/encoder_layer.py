"""One layer of the encoder in PyTorch: self-attention and feed-forward, each with its residual and its norm."""

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


def encoder_layer(
    x: torch.Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: torch.Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> torch.Tensor:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are self-attention (`norm_1`) and the feed-forward network (`norm_2`).
    params: `self_attention`, `feed_forward`, `norm_1`, `norm_2`, the norms with `gamma` and `beta`.
    keep: masks of x's shape by which the outputs of `self_attention` and `feed_forward` are dropped; a name may be missing.
    """

    kept_1, kept_2 = domain.masks(keep, "self_attention", "feed_forward")

    def attend(x: torch.Tensor) -> torch.Tensor:
        attended = multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask)
        return thinned(attended, kept_1, rate)

    def feed(x: torch.Tensor) -> torch.Tensor:
        return thinned(feed_forward(x, params["feed_forward"], activation=activation), kept_2, rate)

    def norm_1(x: torch.Tensor) -> torch.Tensor:
        return layer_norm(x, params["norm_1"]["gamma"], params["norm_1"]["beta"], eps=eps)

    def norm_2(x: torch.Tensor) -> torch.Tensor:
        return layer_norm(x, params["norm_2"]["gamma"], params["norm_2"]["beta"], eps=eps)

    if norm == "pre":
        x = residual(x, attend(norm_1(x)))
        return residual(x, feed(norm_2(x)))
    x = norm_1(residual(x, attend(x)))
    return norm_2(residual(x, feed(x)))
