"""Bugs of the gated feed-forward network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from tests.bugs.bug import Bug

Tensor = torch.Tensor
Params = Mapping[str, Tensor]

FF05 = Bug(
    "FF05",
    "swiglu",
    "https://github.com/Nijikadesu/breakdown-minimind/issues/3",
    "A parenthesis: silu(gate * up) in the place of silu(gate) * up.",
)


@FF05.in_torch()
def silu_of_the_product(x: Tensor, params: Params) -> Tensor:
    return F.silu((x @ params["w_gate"]) * (x @ params["w_up"])) @ params["w_down"]


FF06 = Bug(
    "FF06",
    "swiglu",
    "https://github.com/ml-explore/mlx-lm/pull/767",
    "The arguments of swiglu(gate, x) are swapped: silu of what is gated.",
)


def gated(gate: Tensor, x: Tensor) -> Tensor:
    """silu(gate) * x."""
    return F.silu(gate) * x


@FF06.in_torch()
def arguments_swapped(x: Tensor, params: Params) -> Tensor:
    gate, up = x @ params["w_gate"], x @ params["w_up"]
    return gated(up, gate) @ params["w_down"]


BUGS = (FF05, FF06)
