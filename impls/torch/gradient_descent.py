"""Gradient descent in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain


def gradient_descent(
    params: dict[str, torch.Tensor], grads: dict[str, torch.Tensor], *, lr: float
) -> dict[str, torch.Tensor]:
    """p - lr g for every array and its gradient of the same name; the parameters given stay as they are."""
    domain.not_negative(lr=lr)
    domain.alike("params", params, grads=grads)
    return {name: p - lr * grads[name] for name, p in params.items()}
