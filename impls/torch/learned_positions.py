"""Learned positions in PyTorch."""

from __future__ import annotations

import torch


def learned_positions(length: int, table: torch.Tensor) -> torch.Tensor:
    """The first rows of the table: (longest, d_model) -> (length, d_model), a copy."""
    return table[:length].clone()
