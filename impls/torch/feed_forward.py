"""The position-wise feed-forward network in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from veriformer.impls.torch.gelu import gelu
from veriformer.impls.torch.relu import relu


def feed_forward(x: torch.Tensor, params: Mapping[str, torch.Tensor], *, activation: str = "relu") -> torch.Tensor:
    """activation(x w_1 + b_1) w_2 + b_2; x (..., d_model), w_1 (d_model, d_ff), w_2 (d_ff, d_model) -> like x."""
    hidden = ACTIVATIONS[activation](torch.matmul(x, params["w_1"]) + params["b_1"])
    return torch.matmul(hidden, params["w_2"]) + params["b_2"]


ACTIVATIONS = {"relu": relu, "gelu": gelu}
