"""Dropout in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain
from veriformer.impls.torch.apply_dropout import apply_dropout


def dropout(x: torch.Tensor, rate: float, seed: int, *, training: bool = True) -> torch.Tensor:
    """Each number of x dropped with probability `rate`, the others divided by 1 - rate; x itself outside training.

    A generator of its own is seeded with each call: the same seed and shape draw the same mask, and the global generator
    stays where it was. On another device the same seed draws another mask.
    """
    domain.shares(rate=rate)
    domain.seed(seed)
    if not training:
        return x.clone()
    generator = torch.Generator(device=x.device).manual_seed(seed)
    uniform = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)
    return apply_dropout(x, uniform >= rate, rate)
