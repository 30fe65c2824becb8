"""swiglu: a feed-forward whose hidden units are gated by others."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require
from veriformer.spec.gelu import gelu
from veriformer.spec.numbers import boundary
from veriformer.spec.silu import silu
from veriformer.spec.slip import Part


@component(
    source="Shazeer 2020, GLU Variants Improve Transformer, section 2",
    honest=(
        Honest("products in any order of summation, gate and up side by side or apart", "Higham 2002, section 3.5"),
        Honest("any honest silu", "see silu"),
    ),
)
def swiglu(x: Any, params: dict[str, Any]) -> Any:
    """swiglu(x) = (silu(x w_gate) * (x w_up)) w_down.

    x (..., d_model). params: w_gate, w_up (d_model, d_ff), w_down (d_ff, d_model); no biases.
    Corners: nan in a position of x makes all of its answer nan, and no other.
    Raises ValueError when the gate is not as wide as what it gates.
    """
    require(params["w_gate"].shape == params["w_up"].shape, "w_gate and w_up have one shape, (d_model, d_ff)")
    return gated(boundary(x @ params["w_gate"]), boundary(x @ params["w_up"])) @ params["w_down"]


@Part
def gated(gate: Any, up: Any) -> Any:
    """silu(gate) up."""
    return boundary(silu(gate) * up)


@gated.slip("gate and up exchanged")
def gate_and_up_exchanged(gate: Any, up: Any) -> Any:
    return gated(up, gate)


@gated.slip("GELU for the gate (GEGLU)")
def gelu_gate(gate: Any, up: Any) -> Any:
    return boundary(gelu(gate) * up)
