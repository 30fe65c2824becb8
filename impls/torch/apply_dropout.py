"""Dropout with a given mask in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain


def apply_dropout(x: torch.Tensor, keep: torch.Tensor, rate: float) -> torch.Tensor:
    """x / (1 - rate) where `keep` is true, 0 elsewhere; x and keep of one shape. Rate 1 drops everything."""
    domain.dropout(x, keep, rate)
    kept = 1.0 - rate
    if rate == 1.0:  # 0 / 0 would be hidden by the mask, its derivative would not
        keep, kept = torch.zeros_like(keep), 1.0
    return torch.where(keep, x / kept, 0.0)


def thinned(x: torch.Tensor, keep: torch.Tensor | None, rate: float) -> torch.Tensor:
    """x after dropout, if there is a mask for it."""
    return x if keep is None else apply_dropout(x, keep, rate)
