"""GELU, by erf or by its tanh approximation, in PyTorch."""

from __future__ import annotations

import math

import torch


def gelu(x: torch.Tensor, *, approximate: str = "none") -> torch.Tensor:
    """x Phi(x), where Phi(x) = (1 + erf(x / sqrt(2))) / 2 is the normal distribution function; "tanh": approximately."""
    if approximate == "tanh":
        return x * (0.5 * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * (x * x * x)))))
    return x * (0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))))
