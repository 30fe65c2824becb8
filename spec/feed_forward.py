"""feed_forward: two affine maps with a nonlinearity between, on each position alone."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require
from veriformer.spec.gelu import gelu
from veriformer.spec.numbers import boundary
from veriformer.spec.relu import relu
from veriformer.spec.slip import Part

ACTIVATIONS = {"relu": relu, "gelu": gelu}


@component(
    source="Vaswani et al. 2017, section 3.3, equation 2; GELU: Hendrycks & Gimpel 2016",
    honest=(
        Honest(
            "a bias added to the sum of products, or taken as its beginning", "torch.nn.functional.linear; GEMM's C"
        ),
        Honest("products in any order of summation, fused or not", "Higham 2002, section 3.5"),
        Honest("GELU by erf or erfc, with a constant absolute error of erf", "torch.nn.functional.gelu, jax.nn.gelu"),
    ),
)
def feed_forward(x: Any, params: dict[str, Any], *, activation: str = "relu") -> Any:
    """FFN(x) = activation(x w_1 + b_1) w_2 + b_2.

    x (..., d_model). params: w_1 (d_model, d_ff), b_1 (d_ff), w_2 (d_ff, d_model), b_2 (d_model). activation: "relu", or
    "gelu" (by erf, not its tanh approximation).
    Corners: nan in a position of x makes all of its answer nan, and no other.
    Raises ValueError for another activation.
    """
    require(activation in ACTIVATIONS, f"activation {activation!r}: one of {', '.join(ACTIVATIONS)}")
    hidden = ACTIVATIONS[activation](affine(x, params, 1))
    return affine(hidden, params, 2)


@Part
def affine(x: Any, params: dict[str, Any], number: int) -> Any:
    """x w + b."""
    return boundary(x @ params[f"w_{number}"] + params[f"b_{number}"])


@affine.slip("both biases of the feed-forward left out")
def no_feed_forward_biases(x: Any, params: dict[str, Any], number: int) -> Any:
    return boundary(x @ params[f"w_{number}"])


@affine.slip("the first bias of the feed-forward left out")
def no_first_bias(x: Any, params: dict[str, Any], number: int) -> Any:
    return boundary(x @ params["w_1"]) if number == 1 else affine(x, params, number)


@affine.slip("the second bias of the feed-forward left out")
def no_second_bias(x: Any, params: dict[str, Any], number: int) -> Any:
    return boundary(x @ params["w_2"]) if number == 2 else affine(x, params, number)


@relu.slip("GELU where ReLU is meant")
def gelu_for_relu(x: Any) -> Any:
    return gelu(x)
