"""The table of sinusoidal positions in PyTorch."""

from __future__ import annotations

import torch


def sinusoidal_positions(length: int, d_model: int, *, like: torch.Tensor | None = None) -> torch.Tensor:
    """Column 2i holds sin(p w_i), column 2i + 1 holds cos(p w_i), w_i = 10000^(-2i / d_model); (length, d_model).

    Dtype and device are those of `like`, else float32 on the CPU; the angles are always float64.
    Odd d_model: the last cosine is dropped.
    """
    like = torch.empty(0, dtype=torch.float32, device="cpu") if like is None else like
    positions = torch.arange(length, dtype=torch.float64, device=like.device)[:, None]
    frequencies = 10000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64, device=like.device) / d_model)
    angles = positions * frequencies
    table = torch.empty(length, d_model, dtype=like.dtype, device=like.device)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles[:, : d_model // 2])
    return table
