"""The gated feed-forward network SwiGLU in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from veriformer.impls.torch.silu import silu


def swiglu(x: torch.Tensor, params: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """(silu(x w_gate) * (x w_up)) w_down; x (..., d_model), w_gate and w_up (d_model, d_ff), w_down (d_ff, d_model)."""
    gate, up = torch.matmul(x, params["w_gate"]), torch.matmul(x, params["w_up"])
    return torch.matmul(silu(gate) * up, params["w_down"])
