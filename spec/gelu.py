"""gelu: each number times the probability that a standard normal one is smaller."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import erf, number, pi
from veriformer.spec.relu import relu
from veriformer.spec.slip import Part

APPROXIMATE = Convention(
    "approximate",
    ("none", "tanh"),
    "Hendrycks & Gimpel 2016: x Phi(x). Their approximation by tanh is another function, up to 5e-4 away.",
    {
        "none": "torch.nn.functional.gelu, BERT",
        "tanh": "jax.nn.gelu unless approximate=False, GPT-2",
    },
    default="none",
    option=True,
)


@component(
    source="Hendrycks & Gimpel 2016, section 2",
    honest=(
        Honest("by erf, with a constant absolute error of erf", "torch.nn.functional.gelu"),
        Honest("by erfc(-x / sqrt 2) / 2", "jax.nn.gelu(approximate=False)"),
        Honest("the approximation by tanh, where it is asked for", "Hendrycks & Gimpel 2016, section 2"),
    ),
    conventions=(APPROXIMATE,),
)
def gelu(x: Any, *, approximate: str = "none") -> Any:
    """gelu(x) = x Phi(x) = x (1 + erf(x / sqrt 2)) / 2, element by element.

    x (...). approximate="tanh": x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    Corners: gelu(0) = 0; it is not monotone, its minimum is -0.17 at -0.75. nan is answered with nan,
    infinity with infinity, and minus infinity with 0, the limit, or with nan, which is what -inf times 0 is.
    Raises ValueError for another approximation.
    """
    require(approximate in ("none", "tanh"), f'approximate {approximate!r}: "none" (by erf) or "tanh"')
    return by_erf(x) if approximate == "none" else by_tanh(x)


@Part
def by_erf(x: Any) -> Any:
    """x (1 + erf(x / sqrt 2)) / 2."""
    return x * (1 + erf(x / np.sqrt(number(2, like=x)))) / 2


@Part
def by_tanh(x: Any) -> Any:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    cubic = number(44715, like=x) / 1000000
    return x * (1 + np.tanh(np.sqrt(2 / pi(like=x)) * (x + cubic * (x * x * x)))) / 2


@by_tanh.slip("erf for tanh")
def erf_for_tanh(x: Any) -> Any:
    return by_erf(x)


@by_erf.slip("erf(x) for erf(x / sqrt 2)")
def not_divided_by_root_two(x: Any) -> Any:
    return x * (1 + erf(x)) / 2


@gelu.slip("ReLU where GELU is meant")
def relu_for_gelu(x: Any, **_: Any) -> Any:
    return relu(x)
