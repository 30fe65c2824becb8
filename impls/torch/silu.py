"""SiLU in PyTorch."""

from __future__ import annotations

import torch


def silu(x: torch.Tensor) -> torch.Tensor:
    """x sigmoid(x) = x / (1 + exp(-x))."""
    return x * torch.sigmoid(x)
