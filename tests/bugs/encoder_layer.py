"""Bugs of residual connections, in an encoder layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from tests.bugs.bug import Bug
from veriformer.impls.torch.feed_forward import feed_forward
from veriformer.impls.torch.multi_head_attention import multi_head_attention

Tensor = torch.Tensor
Map = Callable[[Tensor], Tensor]
SILENT = {"fully_masked": "zero", "behind_mask": "ignored"}


def sublayers(params: Mapping[str, Any], n_heads: int, mask: Tensor | None, activation: str, eps: float) -> list[Map]:
    """Self-attention, feed-forward, and the norms of both."""

    def attend(y: Tensor) -> Tensor:
        return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask)

    def feed(y: Tensor) -> Tensor:
        return feed_forward(y, params["feed_forward"], activation=activation)

    def norm(name: str) -> Map:
        return lambda y: F.layer_norm(y, y.shape[-1:], params[name]["gamma"], params[name]["beta"], eps)

    return [attend, feed, norm("norm_1"), norm("norm_2")]


RL01 = Bug(
    "RL01",
    "encoder_layer",
    "https://github.com/pytorch/pytorch/issues/61165",
    "Pre-norm: the residual connection starts from the normalised input.",
)


@RL01.in_torch(**SILENT)
def from_the_normalised(
    x: Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> Tensor:
    attend, feed, norm_1, norm_2 = sublayers(params, n_heads, mask, activation, eps)
    if norm == "pre":
        x = norm_1(x)
        x = x + attend(x)
        x = norm_2(x)
        return x + feed(x)
    x = norm_1(x + attend(x))
    return norm_2(x + feed(x))


RL02 = Bug(
    "RL02",
    "encoder_layer",
    "https://github.com/kyegomez/BitNet/issues/32",
    "x = attention(x); x = x + x: what was to be added is overwritten, and the attention is doubled.",
)


@RL02.in_torch(**SILENT)
def overwritten(
    x: Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> Tensor:
    if norm != "pre":
        raise NotImplementedError("the norms stand before the sub-layers")
    attend, feed, norm_1, norm_2 = sublayers(params, n_heads, mask, activation, eps)
    x = attend(norm_1(x))
    x = x + x
    return x + feed(norm_2(x))


RL03 = Bug(
    "RL03",
    "encoder_layer",
    "https://github.com/strutive07/transformer-tensorflow2.0/issues/14",
    "The feed-forward block adds the input of the layer, not what it was given itself.",
)


@RL03.in_torch(**SILENT)
def from_the_layer(
    x: Tensor,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: Tensor | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> Tensor:
    if norm != "post":
        raise NotImplementedError("the norms stand after the sub-layers")
    attend, feed, norm_1, norm_2 = sublayers(params, n_heads, mask, activation, eps)
    y = norm_1(x + attend(x))
    return norm_2(x + feed(y))


BUGS = (RL01, RL02, RL03)
