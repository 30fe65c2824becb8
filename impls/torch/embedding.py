"""Token embedding in PyTorch."""

from __future__ import annotations

import torch


def embedding(
    tokens: torch.Tensor, table: torch.Tensor, *, scale: float = 1.0, padding_idx: int | None = None
) -> torch.Tensor:
    """scale table[tokens]: tokens (..., L), table (vocabulary, d_model) -> (..., L, d_model).

    `padding_idx` changes nothing here: it only keeps that row of the table without a gradient.
    """
    rows = table[tokens.long()]
    if padding_idx is not None:
        rows = torch.where((tokens == padding_idx)[..., None], rows.detach(), rows)
    return scale * rows
