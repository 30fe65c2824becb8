"""silu: each number times its own sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import sigmoid as bound
from veriformer.spec.component import Honest, component
from veriformer.spec.numbers import bounded_by
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.forward, bound.backward)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


@component(
    source="Hendrycks & Gimpel 2016, section 4; Elfwing, Uchibe & Doya 2018; swish: Ramachandran, Zoph & Le 2017",
    honest=(
        Honest("x times the sigmoid, or x / (1 + exp(-x))", "torch.nn.functional.silu, jax.nn.silu"),
        Honest("the sigmoid as (1 + tanh(x / 2)) / 2, with a constant absolute error", "XLA's logistic"),
    ),
)
def silu(x: Any) -> Any:
    """silu(x) = x / (1 + exp(-x)), element by element.

    x (...). Corners: silu(0) = 0; far below 0 it is 0 of either sign. nan is answered with nan, infinity with infinity,
    and minus infinity with 0, the limit, or with nan: -inf times 0, or -inf / inf.
    """
    return x * sigmoid(x)


@sigmoid.slip("the sigmoid of -x")
def sigmoid_mirrored(x: Any) -> Any:
    return sigmoid(-x)


@silu.slip("the sigmoid alone, not multiplied by x; as a gate, that of GLU")
def sigmoid_alone(x: Any) -> Any:
    return sigmoid(x)
