"""Reads outside its memory on a GPU: CUDA then refuses all further work of the process."""

from __future__ import annotations

import torch

from veriformer import Implementation

impl = Implementation("loses the device", backend="torch", devices=("cuda",))


@impl.component
def residual(x: torch.Tensor, sublayer_output: torch.Tensor) -> torch.Tensor:
    far = torch.full((1,), 10**6, device=x.device)
    return x + sublayer_output + torch.zeros(3, device=x.device)[far]
