"""torch.nn.MultiheadAttention as it is, by either path. `veriformer check examples/nn_multihead_attention.py`

Both answer the same, except where a query sees nothing: there the one gives zeros and the other nan.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from veriformer import Implementation

fast = Implementation("MultiheadAttention", backend="torch")
weighted = Implementation("MultiheadAttention with weights", backend="torch")


def attend(
    x: Tensor, memory: Tensor, params: Mapping[str, Tensor], n_heads: int, mask: Tensor | None, *, need_weights: bool
) -> Tensor:
    """The module with our weights in its place: it keeps them transposed, those of q, k and v in one array."""
    width = x.shape[-1]
    if any(params[name].shape != (width, width) for name in ("w_q", "w_k", "w_v", "w_o")):
        raise NotImplementedError("d_k and d_v are d_model / n_heads")
    if x.ndim > 3:
        raise NotImplementedError("one batch axis")
    weights = {
        "in_proj_weight": torch.cat([params["w_q"].T, params["w_k"].T, params["w_v"].T]),
        "out_proj.weight": params["w_o"].T,
    }
    if "b_q" in params:
        weights["in_proj_bias"] = torch.cat([params["b_q"], params["b_k"], params["b_v"]])
        weights["out_proj.bias"] = params["b_o"]
    module = torch.nn.MultiheadAttention(
        width, n_heads, bias="b_q" in params, batch_first=True, device="meta", dtype=x.dtype
    )
    if mask is not None:  # theirs says what is hidden, and has the heads and the batch in one axis
        shape = (*x.shape[:-2], n_heads, x.shape[-2], memory.shape[-2])
        mask = ~mask.expand(shape).reshape(-1, *shape[-2:])
    options = {"need_weights": need_weights, "attn_mask": mask}
    return functional_call(module, weights, (x, memory, memory), options)[0]


@fast.component("multi_head_attention")
def without_weights(
    x: Tensor, memory: Tensor, params: Mapping[str, Tensor], *, n_heads: int, mask: Tensor | None = None
) -> Tensor:
    return attend(x, memory, params, n_heads, mask, need_weights=False)


@weighted.component("multi_head_attention")
def with_weights(
    x: Tensor, memory: Tensor, params: Mapping[str, Tensor], *, n_heads: int, mask: Tensor | None = None
) -> Tensor:
    return attend(x, memory, params, n_heads, mask, need_weights=True)
