"""Bugs of gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np
import torch

from tests.bugs.bug import HONEST, Bug

Array = np.ndarray
Tensor = torch.Tensor

CL01 = Bug(
    "CL01",
    "clip_by_global_norm",
    "https://github.com/pytorch/torchtitan/pull/1258",
    "A generator of parameters is used up when their norm is known: nothing is left to be clipped.",
)


def clip_grad_norm_(parameters: Iterable[SimpleNamespace], max_norm: float) -> None:
    """The gradients of the parameters made shorter, in place."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(p.grad) for p in parameters]))
    factor = torch.clamp(max_norm / norm, max=1.0)
    for p in parameters:
        p.grad.mul_(factor)


@CL01.in_torch()
def used_up(grads: dict[str, Tensor], max_norm: float) -> dict[str, Tensor]:
    model = {name: SimpleNamespace(grad=g.clone()) for name, g in grads.items()}
    clip_grad_norm_((p for p in model.values()), max_norm)
    return {name: p.grad for name, p in model.items()}


CL02 = Bug(
    "CL02",
    "clip_by_global_norm",
    "https://github.com/tensorflow/tensorflow/issues/36001",
    "Each array is clipped by its own norm.",
    HONEST,
    "clipnorm is documented per array, and declares it; undeclared, a norm that is not global is found and named.",
)


@CL02.in_numpy(norm_of="per_tensor")
def each_by_itself(grads: dict[str, Array], max_norm: float) -> dict[str, Array]:
    def clipped(g: Array) -> Array:
        norm = np.sqrt((g * g).sum())
        return g * (max_norm / norm).astype(g.dtype) if norm > max_norm else g

    return {name: clipped(g) for name, g in grads.items()}


CL05 = Bug(
    "CL05",
    "clip_by_global_norm",
    "https://github.com/tensorflow/tensorflow/issues/21363",
    "A norm that overflows makes the factor 0: gradients that are finite vanish.",
    HONEST,
    "the plain sum of squares, which torch and optax take too, may overflow there: the bound is infinite, the case abstained",
)


@CL05.in_numpy()
def vanishing(grads: dict[str, Array], max_norm: float) -> dict[str, Array]:
    norm = np.sqrt(sum((g * g).sum() for g in grads.values()))
    factor = np.minimum(1 / norm, 1 / max_norm) * max_norm if math.isfinite(max_norm) else 1
    return {name: (g * factor).astype(g.dtype) for name, g in grads.items()}


CL07 = Bug(
    "CL07",
    "clip_by_global_norm",
    "https://github.com/NCAR/miles-credit/pull/141",
    "Gradients that a GradScaler multiplied are clipped before they are divided again.",
)
SCALE = 65536.0
"""The loss scale that torch.amp.GradScaler starts with."""


@CL07.in_torch()
def clipped_while_scaled(grads: dict[str, Tensor], max_norm: float) -> dict[str, Tensor]:
    scaled = [g * SCALE for g in grads.values()]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in scaled]))
    factor = torch.clamp(max_norm / norm, max=1.0)
    return {name: g * factor / SCALE for name, g in zip(grads, scaled, strict=True)}


DT03 = Bug(
    "DT03",
    "clip_by_global_norm",
    "https://github.com/pytorch/pytorch/issues/92164",
    "The sum of a norm is accumulated in bfloat16: from 256 on a term of 1 is lost.",
)


@DT03.in_numpy(dtypes=("bfloat16",))
def accumulated_in_the_format_itself(grads: dict[str, Array], max_norm: float) -> dict[str, Array]:
    total = np.zeros((), next(iter(grads.values())).dtype)
    for g in grads.values():
        for term in g.ravel():
            total = total + term * term
    norm = float(np.sqrt(total))
    factor = max_norm / norm if norm > max_norm else 1.0
    return {name: (g * factor).astype(g.dtype) for name, g in grads.items()}


BUGS = (CL01, CL02, CL05, CL07, DT03)
