"""Bugs of layer normalisation."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from tests.bugs.bug import Bug
from veriformer.impls.numpy.layer_norm import layer_norm, layer_norm_vjp

Array = np.ndarray
Tensor = torch.Tensor

LN01 = Bug(
    "LN01",
    "layer_norm",
    "https://github.com/pytorch/pytorch/issues/51102",
    "The variance in one pass, E[x^2] - E[x]^2: far from zero it cancels.",
)


@LN01.in_torch()
def one_pass(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) / torch.sqrt(torch.clamp(variance, min=0) + eps) * gamma + beta


LN02 = Bug(
    "LN02",
    "layer_norm",
    "https://github.com/harvardnlp/annotated-transformer/pull/119",
    "The deviation is divided by n - 1, and eps added to it outside the root.",
)


@LN02.in_torch(eps=1e-6)
def unbiased(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
    return gamma * (x - mean) / (std + 1e-6) + beta


LN04 = Bug(
    "LN04",
    "layer_norm",
    "https://github.com/131250208/TPlinker-joint-extraction/issues/37",
    "(variance + eps) squared in the place of its root.",
)


@LN04.in_torch(eps=1e-12)
def squared(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    std = ((centred**2).mean(-1, keepdim=True) + 1e-12) ** 2
    return centred / std * gamma + beta


LN06 = Bug(
    "LN06",
    "layer_norm",
    "https://github.com/flagos-ai/FlagGems/issues/5392",
    "The backward pass takes x for a matrix: M = shape[0] rows of N = numel / M numbers.",
)
LN06.in_numpy()(layer_norm)


@LN06.vjp
def as_a_matrix(cotangent: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, ...]:
    rows = x.shape[0] if x.ndim > 1 else 1
    wide = np.resize(gamma, x.size // rows)
    flat = (array.reshape(rows, -1) for array in (cotangent, x))
    d_x, d_gamma, d_beta = layer_norm_vjp(*flat, wide, np.resize(beta, wide.shape), eps=eps)
    return d_x.reshape(x.shape), d_gamma[: gamma.size], d_beta[: beta.size]


LN07 = Bug(
    "LN07",
    "layer_norm",
    "https://github.com/pytorch/pytorch/pull/18233",
    "The gradient of the weight is that of the output times the weight, not times the normalised input.",
)
LN07.in_numpy()(layer_norm)


@LN07.vjp
def by_the_weight(cotangent: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, ...]:
    d_x, _, d_beta = layer_norm_vjp(cotangent, x, gamma, beta, eps=eps)
    return d_x, (cotangent * gamma).reshape(-1, gamma.size).sum(0), d_beta


LN15 = Bug(
    "LN15",
    "layer_norm",
    "https://github.com/pytorch/pytorch/issues/131750",
    "Of a slice the offset in its storage is ignored: the first rows of the whole are normalised.",
)


@LN15.in_torch()
def from_the_start(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    if x.is_contiguous():  # everything else is copied first
        x = torch.as_strided(x, x.shape, x.stride(), 0)
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


LN17 = Bug(
    "LN17",
    "layer_norm",
    "https://github.com/Qualcomm-AI-research/geometric-algebra-transformer/pull/8",
    "normalized_shape = x.shape[1:]: the statistics are taken over items and channels.",
)


@LN17.in_torch(only={"rank": (2, 3, 4)})
def over_items_too(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, x.shape[1:], eps=eps) * gamma + beta


BUGS = (LN01, LN02, LN04, LN06, LN07, LN15, LN17)
