"""residual: what a sub-layer adds to its own input."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require


@component(
    source="Vaswani et al. 2017, section 3.1; He et al. 2016",
    honest=(Honest("one addition", "the formula itself"),),
)
def residual(x: Any, sublayer_output: Any) -> Any:
    """residual(x, y) = x + y.

    x and sublayer_output: of one shape. Corners: y = 0 gives x. nan stays nan in its place, infinities add up as
    IEEE 754 says: inf - inf is nan.
    Raises ValueError when the shapes differ: a silent broadcast is no residual connection.
    """
    require(x.shape == sublayer_output.shape, f"x {x.shape} and the sub-layer's output {sublayer_output.shape} differ")
    return x + sublayer_output


@residual.slip("the residual connection left out")
def no_residual(x: Any, sublayer_output: Any) -> Any:
    return sublayer_output


@residual.slip("the sub-layer left out")
def no_sublayer(x: Any, sublayer_output: Any) -> Any:
    return x
