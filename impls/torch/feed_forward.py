"""The position-wise feed-forward network in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch


def feed_forward(x: torch.Tensor, params: Mapping[str, torch.Tensor], *, activation: str = "relu") -> torch.Tensor:
    """activation(x w_1 + b_1) w_2 + b_2; x (..., d_model), w_1 (d_model, d_ff), w_2 (d_ff, d_model) -> like x."""
    hidden = ACTIVATIONS[activation](torch.matmul(x, params["w_1"]) + params["b_1"])
    return torch.matmul(hidden, params["w_2"]) + params["b_2"]


def relu(x: torch.Tensor) -> torch.Tensor:
    """max(x, 0), with derivative 0 at 0."""
    return torch.relu(x)


def gelu(x: torch.Tensor) -> torch.Tensor:
    """x Phi(x), where Phi(x) = (1 + erf(x / sqrt(2))) / 2 is the normal distribution function."""
    return x * (0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))))


ACTIVATIONS = {"relu": relu, "gelu": gelu}
