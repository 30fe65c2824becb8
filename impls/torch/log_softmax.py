"""Logarithm of the softmax over the last axis in PyTorch."""

from __future__ import annotations

import torch


def log_softmax(x: torch.Tensor) -> torch.Tensor:
    """x_i - log sum_j exp(x_j); x (..., n). The largest entry is taken off first: it cancels, and exp stays below 1."""
    shifted = x - torch.amax(x.detach(), dim=-1, keepdim=True)
    return shifted - torch.log(torch.sum(torch.exp(shifted), dim=-1, keepdim=True))
