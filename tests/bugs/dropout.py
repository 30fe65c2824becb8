"""Bugs of dropout, which draws its mask itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.bugs.bug import Bug

Array = np.ndarray
Tensor = torch.Tensor


def drawn(shape: tuple[int, ...], rate: float, seed: int) -> Tensor:
    """Which numbers are kept."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) >= rate


DO01 = Bug(
    "DO01",
    "dropout",
    "https://github.com/lmjohns3/theanets/pull/123",
    "What is kept is divided by p, the probability to drop, not by 1 - p.",
)


@DO01.in_torch()
def over_the_rate(x: Tensor, rate: float, seed: int, *, training: bool = True) -> Tensor:
    if not training or not rate:
        return x.clone()
    return torch.where(drawn(x.shape, rate, seed), x / rate, 0.0)


DO06 = Bug(
    "DO06",
    "dropout",
    "https://github.com/microsoft/onnxruntime/pull/19715",
    "Recomputed for the backward pass, the mask is drawn from another seed.",
)


def thinned(x: Tensor, rate: float, seed: int) -> Tensor:
    """x / (1 - rate) where it is kept, 0 elsewhere; zeros at rate 1."""
    return torch.where(drawn(x.shape, rate, seed), x / (1 - rate), 0.0) if rate < 1 else x * 0


class Recomputed(torch.autograd.Function):
    """Dropout whose mask is not stored."""

    @staticmethod
    def forward(context: Any, x: Tensor, rate: float, seed: int) -> Tensor:
        context.rate, context.seed = rate, seed
        return thinned(x, rate, seed)

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return thinned(upstream[0], context.rate, context.seed + 1), None, None


@DO06.in_torch()
def another_seed(x: Tensor, rate: float, seed: int, *, training: bool = True) -> Tensor:
    apply: Callable[..., Tensor] = Recomputed.apply
    return apply(x, rate, seed) if training else x.clone()


DO07 = Bug(
    "DO07",
    "dropout",
    "https://github.com/mp2893/retain/pull/1",
    "Whatever the rate is, the factor is that of 0.5: x 0.5 at test time, where nothing is scaled in training.",
)


@DO07.in_torch()
def factor_of_a_half(x: Tensor, rate: float, seed: int, *, training: bool = True) -> Tensor:
    if not training or not rate:
        return x.clone()
    return torch.where(drawn(x.shape, rate, seed), x / 0.5, 0.0) if rate < 1 else x * 0


BUGS = (DO01, DO06, DO07)
