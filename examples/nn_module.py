"""An nn.Module: the suite brings the weights, `functional_call` lends them to the module for one call.

Do not assign them (`module.weight.data = w`): that copies numbers past autograd, no gradient ever reaches w, and the
suite says so. The module itself is built on the "meta" device, without weights of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from veriformer import Implementation

impl = Implementation("nn.TransformerEncoderLayer", backend="torch")


@impl.component
def encoder_layer(
    x: Tensor, params: dict[str, Any], *,
    n_heads: int, mask: Tensor | None = None, norm: str = "post", activation: str = "relu", eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    d_model, d_ff = params["feed_forward"]["w_1"].shape
    module = nn.TransformerEncoderLayer(
        d_model, n_heads, d_ff, 0.0, activation, eps, batch_first=True, norm_first=norm == "pre", device="meta"
    ).eval()
    hidden = None if mask is None else as_torch_masks(mask, x, n_heads)
    return torch.func.functional_call(module, as_torch_names(params), (x,), {"src_mask": hidden})


def as_torch_names(params: dict[str, Any]) -> dict[str, Tensor]:
    """Our layout in torch's: matrices act from the left there, and q, k and v are stacked."""
    attention, feed, norm_1, norm_2 = (params[name] for name in ("self_attention", "feed_forward", "norm_1", "norm_2"))
    none = torch.zeros_like(norm_1["beta"])
    bias = {name: attention.get(f"b_{name}", none) for name in "qkvo"}
    return {
        "self_attn.in_proj_weight": torch.cat([attention[f"w_{name}"].T for name in "qkv"]),
        "self_attn.in_proj_bias": torch.cat([bias[name] for name in "qkv"]),
        "self_attn.out_proj.weight": attention["w_o"].T,
        "self_attn.out_proj.bias": bias["o"],
        "linear1.weight": feed["w_1"].T,
        "linear1.bias": feed["b_1"],
        "linear2.weight": feed["w_2"].T,
        "linear2.bias": feed["b_2"],
        "norm1.weight": norm_1["gamma"],
        "norm1.bias": norm_1["beta"],
        "norm2.weight": norm_2["gamma"],
        "norm2.bias": norm_2["beta"],
    }


def as_torch_masks(mask: Tensor, x: Tensor, n_heads: int) -> Tensor:
    """True = may attend, (batch, heads or 1, L, L), becomes True = hidden, (batch * heads, L, L)."""
    length = x.shape[-2]
    return ~mask.expand(*x.shape[:-2], n_heads, length, length).reshape(-1, length, length)
