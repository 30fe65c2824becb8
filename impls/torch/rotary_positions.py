"""Rotary positions in PyTorch."""

from __future__ import annotations

import torch


def rotary_positions(
    x: torch.Tensor, positions: torch.Tensor, *, base: float = 10000.0, layout: str = "interleaved"
) -> torch.Tensor:
    """Each pair (a, b) of features becomes (a cos t - b sin t, a sin t + b cos t), t = position base^(-2i / d), i-th pair.

    x (..., L, d), d even; positions (..., L), integers -> like x. layout: "interleaved", features 2i and 2i + 1 make a pair;
    "halves", features i and i + d/2. The angles are float64, their sines and cosines of x's dtype.
    """
    d = x.shape[-1]
    rates = base ** (-torch.arange(0, d, 2, dtype=torch.float64, device=x.device) / d)
    angles = positions[..., None] * rates  # (..., L, d / 2)
    cos, sin = torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype)
    if layout == "halves":
        first, second = x[..., : d // 2], x[..., d // 2 :]
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(-2)
