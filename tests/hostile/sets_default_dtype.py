"""Changes torch's default dtype."""

from __future__ import annotations

import torch

from veriformer import Implementation

impl = Implementation("sets default dtype", backend="torch")


@impl.component
def residual(x: torch.Tensor, sublayer_output: torch.Tensor) -> torch.Tensor:
    torch.set_default_dtype(torch.float64)
    return x + sublayer_output
