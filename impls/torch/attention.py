"""Scaled dot-product attention in PyTorch."""

from __future__ import annotations

import math

import torch

from veriformer.impls.torch.apply_dropout import thinned
from veriformer.impls.torch.softmax import softmax


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    keep: torch.Tensor | None = None,
    rate: float = 0.0,
) -> torch.Tensor:
    """softmax(scale q k^T + bias) v, over the keys that mask, causal order and window allow.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); scale is 1/sqrt(d_k) unless given.
    Heads, if any, are axis -3; fewer key heads than query heads are shared, each by as many query heads in a row.
    keep (..., L_q, L_k): dropout of the weights, each of them p / (1 - rate) where it is true and 0 elsewhere.
    """
    k, v = repeat_heads(k, q), repeat_heads(v, q)
    allowed = allowed_pairs(q, k, mask, causal, window)
    k, v = without_unseen(k, allowed), without_unseen(v, allowed)
    scores = torch.matmul(q, k.transpose(-1, -2)) * (1.0 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    weights = softmax(scores, mask=allowed)
    weights = thinned(weights, keep, rate)
    return torch.matmul(weights, v)


def allowed_pairs(
    q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None, causal: bool, window: int | None
) -> torch.Tensor:
    """May query i attend to key j? (..., L_q, L_k). The last query stands beside the last key."""
    length_q, length_k = q.shape[-2], k.shape[-2]
    i = torch.arange(length_q, device=q.device)[:, None] + (length_k - length_q)
    j = torch.arange(length_k, device=q.device)
    allowed = torch.ones(length_q, length_k, dtype=torch.bool, device=q.device) if mask is None else mask
    if causal:
        allowed = allowed & (j <= i)
    if window is not None:
        allowed = allowed & (torch.abs(i - j) < window)
    return allowed


def without_unseen(keys: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Zeros for the keys, or values, that no query sees: a padding may hold anything, and 0 * nan is nan."""
    return torch.where(torch.any(allowed, dim=-2)[..., None], keys, 0.0)


def repeat_heads(keys: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """One key head per query head: query head h uses key head h // (H_q / H_k). One head, or none, is broadcast."""
    shared = q.ndim > 2 and keys.ndim > 2 and 1 < keys.shape[-3] < q.shape[-3]
    return torch.repeat_interleave(keys, q.shape[-3] // keys.shape[-3], dim=-3) if shared else keys
