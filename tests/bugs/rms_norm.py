"""Bugs of root mean square normalisation."""

from __future__ import annotations

import numpy as np
import torch

from tests.bugs.bug import Bug

Array = np.ndarray
Tensor = torch.Tensor

LN11 = Bug(
    "LN11",
    "rms_norm",
    "https://github.com/apple/coremltools/issues/2821",
    "Rows are divided by their largest number against overflow, and eps is not: it counts max|x|^2 times. Of zeros, 0 / 0.",
)


@LN11.in_numpy()
def eps_inflated(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    top = np.abs(x).max(-1, keepdims=True)
    y = x / top
    return y / np.sqrt(np.mean(y * y, -1, keepdims=True) + eps) * gamma


RL05 = Bug(
    "RL05",
    "rms_norm",
    "https://github.com/GeeeekExplorer/nano-vllm/issues/170",
    "x.to(float32) is no copy where x is float32: the residual stream is normalised in place.",
)


@RL05.in_torch(computes_in="float32", dtypes=("float32", "bfloat16"))
def in_place(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    dtype = x.dtype
    x = x.to(torch.float32)
    variance = x.pow(2).mean(dim=-1, keepdim=True)
    x.mul_(torch.rsqrt(variance + eps))
    return x.to(dtype) * gamma


BUGS = (LN11, RL05)
