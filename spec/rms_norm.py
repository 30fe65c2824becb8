"""rms_norm: each vector scaled to a mean square of 1, then scaled by what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import rms_norm as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.layer_norm import EPS_PLACE
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part

EPS = Convention(
    "eps",
    (1e-5, 1e-6, 1e-8, 1e-3),
    "Our signature; Zhang & Sennrich's equation 4 has none, their code 1e-8.",
    {1e-5: "Llama 2 and 3", 1e-6: "T5, Hugging Face's default", 1e-8: "the authors' code", 1e-3: "Keras"},
    default=1e-5,
    option=True,
)


@Part
@bounded_by(bound.forward, bound.backward)
def scaled_to_one(x: Any, gamma: Any, *, eps: float, eps_place: str) -> Any:
    """The formula."""
    square = np.mean(x * x, -1, keepdims=True)
    eps = number(eps, like=x)
    return x / (np.sqrt(square + eps) if eps_place == "inside" else np.sqrt(square) + eps) * gamma


def reach_of_norm(x: Any, gamma: Any, **_: Any) -> Any:
    """|gamma| sqrt(n): no output is larger."""
    return np.broadcast_to(np.abs(np.asarray(gamma, np.float64)) * np.sqrt(x.shape[-1]), x.shape)


@component(
    source="Zhang & Sennrich 2019, equation 4",
    honest=(
        Honest("x / sqrt(mean of squares + eps), or times the reciprocal root", "torch.nn.functional.rms_norm"),
        Honest("gamma / sqrt(mean of squares + eps) multiplied first", "fused kernels"),
    ),
    conventions=(EPS, EPS_PLACE),
    scale=reach_of_norm,
)
def rms_norm(x: Any, gamma: Any, *, eps: float = 1e-5, eps_place: str = "inside") -> Any:
    """rms_norm(x) = x / sqrt(mean(x^2) + eps) * gamma, over the last axis.

    x (..., n); gamma (n).
    Corners: x = 0 gives 0. eps = 0 with x = 0 is 0 / 0. nan in x makes all of its row nan, and no other.
    Raises ValueError when gamma is not as wide as x, or eps is negative.
    """
    n = x.shape[-1]
    require(gamma.shape == (n,), f"x is {n} wide; gamma {gamma.shape} is not")
    require(eps >= 0, f"eps = {eps}: a mean of squares is never negative, eps must not be either")
    return scaled_to_one(x, gamma, eps=eps, eps_place=eps_place)


@scaled_to_one.slip("the mean subtracted first, as in layer norm")
def centred_first(x: Any, gamma: Any, **options: Any) -> Any:
    return scaled_to_one(x - np.mean(x, -1, keepdims=True), gamma, **options)


@scaled_to_one.slip("gamma added to 1 (Gemma)")
def gamma_plus_one(x: Any, gamma: Any, **options: Any) -> Any:
    return scaled_to_one(x, 1 + gamma, **options)


@scaled_to_one.slip("the sum of the squares, not their mean")
def sum_of_squares(x: Any, gamma: Any, *, eps: float, eps_place: str) -> Any:
    return x / np.sqrt(np.sum(x * x, -1, keepdims=True) + number(eps, like=x)) * gamma


@scaled_to_one.slip("gamma left out")
def rms_without_gamma(x: Any, gamma: Any, **options: Any) -> Any:
    return scaled_to_one(x, number(np.ones(gamma.shape), like=gamma), **options)
