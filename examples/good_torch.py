"""torch.nn.functional as it is: nothing declared, one thing declined, two known deviations.

`veriformer check examples/good_torch.py --known examples/known_torch.toml`
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from veriformer import Implementation

impl = Implementation("torch.nn.functional", backend="torch")


@impl.component
def softmax(x: Tensor) -> Tensor:
    return F.softmax(x, dim=-1)


@impl.component
def attention(
    q: Tensor, k: Tensor, v: Tensor, *,
    mask: Tensor | None = None, bias: Tensor | None = None, causal: bool = False, scale: float | None = None,
) -> Tensor:  # fmt: skip
    if causal and (mask is not None or bias is not None):
        raise NotImplementedError("torch takes is_causal or attn_mask, not both")
    if mask is not None and bias is not None:
        mask, bias = None, bias.masked_fill(~mask, -torch.inf)
    grouped = q.ndim > 3 and k.shape[-3] != q.shape[-3]
    return F.scaled_dot_product_attention(
        q, k, v, bias if mask is None else mask, is_causal=causal, scale=scale, enable_gqa=grouped
    )


@impl.component
def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


@impl.component
def feed_forward(x: Tensor, params: dict[str, Tensor], *, activation: str = "relu") -> Tensor:
    hidden = getattr(F, activation)(F.linear(x, params["w_1"].T, params["b_1"]))
    return F.linear(hidden, params["w_2"].T, params["b_2"])


@impl.component
def embedding(tokens: Tensor, table: Tensor, *, padding_idx: int | None = None) -> Tensor:
    return F.embedding(tokens, table, padding_idx)
