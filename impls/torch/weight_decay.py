"""Weight decay in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain


def weight_decay(params: dict[str, torch.Tensor], *, lr: float, rate: float) -> dict[str, torch.Tensor]:
    """p - lr rate p for every array; the parameters given stay as they are."""
    domain.not_negative(lr=lr, rate=rate)
    return {name: p - lr * rate * p for name, p in params.items()}
