"""Root mean square normalisation in PyTorch."""

from __future__ import annotations

import torch


def rms_norm(x: torch.Tensor, gamma: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    """x / sqrt(mean(x^2) + eps) gamma over the last axis; x (..., n), gamma (n,) -> like x."""
    return x * (1.0 / torch.sqrt(torch.mean(x * x, dim=-1, keepdim=True) + eps)) * gamma
