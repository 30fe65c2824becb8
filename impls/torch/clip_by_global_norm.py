"""Clipping of gradients by their common norm, in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain


def clip_by_global_norm(grads: dict[str, torch.Tensor], max_norm: float) -> dict[str, torch.Tensor]:
    """Every array times min(1, max_norm / norm), where norm is the length of all of them as one vector.

    Nothing is added to the norm, as torch.nn.utils.clip_grad_norm_ does: what is short enough stays what it is. The factor
    never leaves the device.
    """
    domain.positive(max_norm=max_norm)
    if not grads:
        return {}
    norm = torch.sqrt(sum(torch.sum(g * g) for g in grads.values()))
    factor = torch.clamp(max_norm / norm, max=1.0)
    return {name: g * factor for name, g in grads.items()}
