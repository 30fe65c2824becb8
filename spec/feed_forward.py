"""feed_forward: two affine maps with a nonlinearity between, on each position alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import boundary, erf, number


def relu(x: Any) -> Any:
    """max(x, 0); the slope at 0 may be anything in [0, 1]."""
    return np.maximum(x, number(0, like=x))


def gelu(x: Any) -> Any:
    """x Phi(x) = x (1 + erf(x / sqrt 2)) / 2. Hendrycks & Gimpel 2016."""
    return x * (1 + erf(x / np.sqrt(number(2, like=x)))) / 2


ACTIVATIONS = {"relu": relu, "gelu": gelu}


@component(
    source="Vaswani et al. 2017, section 3.3, equation 2; GELU: Hendrycks & Gimpel 2016",
    honest=(
        Honest("products in any order of summation, fused or not", "Higham 2002, section 3.5"),
        Honest("GELU by erf or erfc, with a constant absolute error of erf", "torch.nn.functional.gelu, jax.nn.gelu"),
    ),
)
def feed_forward(x: Any, params: dict[str, Any], *, activation: str = "relu") -> Any:
    """FFN(x) = activation(x w_1 + b_1) w_2 + b_2.

    x (..., d_model). params: w_1 (d_model, d_ff), b_1 (d_ff), w_2 (d_ff, d_model), b_2 (d_model). activation: "relu", or
    "gelu" (by erf, not its tanh approximation).
    Raises ValueError for another activation.
    """
    require(activation in ACTIVATIONS, f"activation {activation!r}: one of {', '.join(ACTIVATIONS)}")
    hidden = boundary(ACTIVATIONS[activation](boundary(x @ params["w_1"] + params["b_1"])))
    return hidden @ params["w_2"] + params["b_2"]
