"""Softmax over the last axis in PyTorch."""

from __future__ import annotations

import torch


def softmax(x: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
    """exp(x_i) / sum_j exp(x_j), over the j that the mask allows; x (..., n), mask broadcast to x.

    Each row is shifted by its largest allowed entry, which cancels in the quotient and keeps exp at or below 1; since
    it cancels, no gradient is taken through it. A row with nothing allowed gives zeros, and zero gradients: both
    the shift and the divisor are replaced before they could make a NaN.
    """
    logits = x if mask is None else torch.where(mask, x, -torch.inf)
    highest = torch.amax(logits.detach(), dim=-1, keepdim=True)
    shift = torch.where(highest == -torch.inf, 0.0, highest)
    exponentials = torch.exp(logits - shift)
    total = torch.sum(exponentials, dim=-1, keepdim=True)
    return exponentials / torch.where(total == 0.0, 1.0, total)
