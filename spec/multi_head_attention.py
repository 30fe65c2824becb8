"""multi_head_attention: attention in several learned projections at once, joined by another."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.attention import attention
from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import boundary
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part
from veriformer.spec.visibility import BEHIND_MASK, CAUSAL_ALIGNMENT, FULLY_MASKED


@component(
    source="Vaswani et al. 2017, section 3.2.2",
    honest=(
        Honest(
            "a bias added to the sum of products, or taken as its beginning", "torch.nn.functional.linear; GEMM's C"
        ),
        Honest(
            "projections one by one, or as one product with the weights side by side", "torch.nn.MultiheadAttention"
        ),
        Honest("any honest attention per head", "see attention"),
    ),
    conventions=(FULLY_MASKED, CAUSAL_ALIGNMENT, BEHIND_MASK),
)
def multi_head_attention(
    x: Any,
    memory: Any,
    params: dict[str, Any],
    *,
    n_heads: int,
    mask: Any = None,
    causal: bool = False,
    fully_masked: str = "zero",
    causal_alignment: str = "top_left",
    behind_mask: str = "propagates",
) -> Any:
    """MultiHead(x, memory) = concat(head_1, ..., head_h) w_o + b_o,  head_i = attention(x w_q_i, memory w_k_i, memory w_v_i).

    x (..., L_q, d_model) asks, memory (..., L_k, d_model) answers; self-attention passes one object twice. params: w_q,
    w_k (d_model, h d_k), w_v (d_model, h d_v), w_o (h d_v, d_model), and b_q, b_k, b_v, b_o, all or none; head i owns
    the i-th block of columns. mask (..., [h,] L_q, L_k), of the rank of the scores.
    Raises ValueError when the columns cannot be shared among the heads.
    """
    for name in ("w_q", "w_k", "w_v"):
        columns = params[name].shape[-1]
        require(columns % n_heads == 0, f"{name}: {columns} columns cannot be shared by {n_heads} heads")
    q = split(projected(x, params, "q"), n_heads)
    k = split(projected(memory, params, "k"), n_heads)
    v = split(projected(memory, params, "v"), n_heads)
    silent = {"fully_masked": fully_masked, "causal_alignment": causal_alignment, "behind_mask": behind_mask}
    heads = attention(q, k, v, mask=mask, causal=causal, **silent)  # (..., h, L_q, d_v)
    return projected(joined(heads), params, "o")


@Part
def projected(x: Any, params: dict[str, Any], name: str) -> Any:
    """x w + b, or x w where there are no biases."""
    product = x @ params[f"w_{name}"]
    return boundary(product + params[f"b_{name}"] if f"b_{name}" in params else product)


@Part
def split(x: Any, n_heads: int) -> Any:
    """(..., L, h d) -> (..., h, L, d)."""
    return np.swapaxes(x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads), -2, -3)


@Part
def joined(heads: Any) -> Any:
    """(..., h, L, d) -> (..., L, h d)."""
    together = np.swapaxes(heads, -2, -3)
    return together.reshape(*together.shape[:-2], together.shape[-2] * together.shape[-1])


@projected.slip("the biases of the projections left out")
def no_biases(x: Any, params: dict[str, Any], name: str) -> Any:
    return projected(x, {f"w_{name}": params[f"w_{name}"]}, name)


@projected.slip("w_o transposed")
def w_o_transposed(x: Any, params: dict[str, Any], name: str) -> Any:
    w = params[f"w_{name}"]
    square = name == "o" and w.shape[0] == w.shape[1]
    return projected(x, {**params, f"w_{name}": transposed(w)} if square else params, name)


@projected.slip("no output projection")
def no_output_projection(x: Any, params: dict[str, Any], name: str) -> Any:
    return x if name == "o" and x.shape[-1] == params["w_o"].shape[-1] else projected(x, params, name)


@split.slip("heads reshaped without a transpose on the way in")
def split_without_transpose(x: Any, n_heads: int) -> Any:
    return x.reshape(*x.shape[:-2], n_heads, x.shape[-2], x.shape[-1] // n_heads)


@split.slip("a head made of every h-th column, where it is a block of columns")
def split_by_strides(x: Any, n_heads: int) -> Any:
    return np.moveaxis(x.reshape(*x.shape[:-1], x.shape[-1] // n_heads, n_heads), -1, -3)


@joined.slip("heads reshaped without a transpose on the way out")
def joined_without_transpose(heads: Any) -> Any:
    *batch, n_heads, length, width = heads.shape
    return heads.reshape(*batch, length, n_heads * width)


@multi_head_attention.slip("keys and values projected from x, not from the memory")
def attends_to_itself(x: Any, memory: Any, params: dict[str, Any], **options: Any) -> Any:
    return multi_head_attention(x, x if x.shape == memory.shape else memory, params, **options)
