"""Bugs of the rectifier."""

from __future__ import annotations

import torch

from tests.bugs.bug import Bug

FF07 = Bug(
    "FF07",
    "relu",
    "https://github.com/pytorch/pytorch/issues/7999",
    "x > 0 ? x : 0 makes a number of what is none: nan > 0 is false.",
)


@FF07.in_torch()
def nan_is_not_positive(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


BUGS = (FF07,)
