"""The residual connection in PyTorch."""

from __future__ import annotations

import torch


def residual(x: torch.Tensor, sublayer_output: torch.Tensor) -> torch.Tensor:
    """x + sublayer_output, two arrays of one shape."""
    return x + sublayer_output
