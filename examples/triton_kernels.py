"""Triton kernels, on a GPU: `veriformer check examples/triton_kernels.py`

Both compute in float32 inside and round their output, which is declared as `precision="layer"`. Neither takes a mask: what a
signature leaves out is not asked for. The softmax has a backward kernel; the attention is for inference and declines, where
silence would be a gradient of nothing.
"""
# ruff: noqa: ANN001, ANN201  (what a kernel is given has no type of Python's)

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from veriformer import Implementation

impl = Implementation(
    "triton", backend="torch", devices=("cuda",), dtypes=("float32", "bfloat16", "float16"), precision="layer"
)
TILE = 32
LOWEST_WIDTH = 16
"""The narrowest matrix that a tensor core multiplies."""


@triton.jit
def softmax_kernel(x, y, length, BLOCK: tl.constexpr):
    row, at = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    logits = tl.load(x + row * length + at, at < length, -float("inf")).to(tl.float32)
    weights = tl.exp(logits - tl.max(logits, 0))
    tl.store(y + row * length + at, weights / tl.sum(weights, 0), at < length)


@triton.jit
def softmax_backward_kernel(x, dy, dx, length, BLOCK: tl.constexpr):
    row, at = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    logits = tl.load(x + row * length + at, at < length, -float("inf")).to(tl.float32)
    cotangent = tl.load(dy + row * length + at, at < length, 0.0).to(tl.float32)
    weights = tl.exp(logits - tl.max(logits, 0))
    p = weights / tl.sum(weights, 0)
    tl.store(dx + row * length + at, p * (cotangent - tl.sum(p * cotangent, 0)), at < length)


class Softmax(torch.autograd.Function):
    """One row in one program; backward computes the weights again, from unrounded logits."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        context.save_for_backward(x)
        return over_rows(softmax_kernel, x, x)

    @staticmethod
    def backward(context: Any, dy: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return over_rows(softmax_backward_kernel, x, x, dy.contiguous())


def over_rows(kernel: Any, like: Tensor, *inputs: Tensor) -> Tensor:
    out = torch.empty_like(like)
    length = like.shape[-1]
    if out.numel():
        kernel[(out.numel() // length,)](*inputs, out, length, BLOCK=triton.next_power_of_2(length))
    return out


@impl.component
def softmax(x: Tensor) -> Tensor:
    return Softmax.apply(x)


@triton.jit(do_not_specialize=["length", "length_k", "offset", "d_k", "d_v"])
def attention_kernel(
    q, k, v, out, scale, length, length_k, offset, d_k, d_v,
    CAUSAL: tl.constexpr, TILE: tl.constexpr, D_K: tl.constexpr, D_V: tl.constexpr,
):  # fmt: skip
    head = tl.program_id(1).to(tl.int64)
    rows = tl.program_id(0) * TILE + tl.arange(0, TILE)
    at_k, at_v = tl.arange(0, D_K), tl.arange(0, D_V)
    here = (rows[:, None] < length) & (at_k[None, :] < d_k)
    queries = tl.load(q + (head * length + rows[:, None]) * d_k + at_k[None, :], here, 0.0)
    top = tl.full((TILE,), -float("inf"), tl.float32)
    total = tl.zeros((TILE,), tl.float32)
    summed = tl.zeros((TILE, D_V), tl.float32)
    for first in range(0, length_k, TILE):
        columns = first + tl.arange(0, TILE)
        there = (columns[None, :] < length_k) & (at_k[:, None] < d_k)
        keys = tl.load(k + (head * length_k + columns[None, :]) * d_k + at_k[:, None], there, 0.0)
        scores = tl.dot(queries, keys, input_precision="ieee") * scale
        seen = columns[None, :] < length_k
        if CAUSAL:
            seen = seen & (columns[None, :] <= rows[:, None] + offset)
        scores = tl.where(seen, scores, -float("inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        shift = tl.where(higher == -float("inf"), 0.0, higher)
        weights, factor = tl.exp(scores - shift[:, None]), tl.exp(top - shift)
        there = (columns[:, None] < length_k) & (at_v[None, :] < d_v)
        values = tl.load(v + (head * length_k + columns[:, None]) * d_v + at_v[None, :], there, 0.0)
        summed = summed * factor[:, None] + tl.dot(weights.to(values.dtype), values, input_precision="ieee")
        total, top = total * factor + tl.sum(weights, 1), higher
    here = (rows[:, None] < length) & (at_v[None, :] < d_v)
    result = summed / tl.where(total == 0.0, 1.0, total)[:, None]
    tl.store(out + (head * length + rows[:, None]) * d_v + at_v[None, :], result, here)


@impl.component
def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, scale: float | None = None) -> Tensor:
    if torch.is_grad_enabled() and any(one.requires_grad for one in (q, k, v)):
        raise NotImplementedError("this kernel is for inference")
    if q.shape[:-2] != k.shape[:-2]:
        raise NotImplementedError("each query head has keys of its own")
    (*batch, length, d_k), length_k, d_v = q.shape, k.shape[-2], v.shape[-1]
    q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
    out = q.new_empty((*batch, length, d_v))
    if out.numel():
        grid = (triton.cdiv(length, TILE), out.numel() // (length * d_v))
        attention_kernel[grid](
            q, k, v, out, d_k**-0.5 if scale is None else scale, length, length_k, length_k - length, d_k, d_v,
            CAUSAL=causal, TILE=TILE, D_K=wide(d_k), D_V=wide(d_v),
        )  # fmt: skip
    return out


def wide(width: int) -> int:
    return max(LOWEST_WIDTH, triton.next_power_of_2(width))
