"""Layer normalisation in PyTorch."""

from __future__ import annotations

import torch


def layer_norm(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    """(x - mean) / sqrt(variance + eps) gamma + beta over the last axis; x (..., n), gamma and beta (n,) -> like x.

    The variance is the mean of the squared deviations (divided by n, not n - 1), taken in a second pass after the mean.
    """
    mean = torch.mean(x, dim=-1, keepdim=True)
    deviation = x - mean
    variance = torch.mean(deviation * deviation, dim=-1, keepdim=True)
    return deviation * (1.0 / torch.sqrt(variance + eps)) * gamma + beta
