"""layer_norm: each vector moved to mean 0 and variance 1, then scaled and shifted by what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import layer_norm as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part

EPS = Convention(
    "eps",
    (1e-5, 1e-6, 1e-12, 1e-3),
    "Our signature; the layer norm paper has none, and Vaswani et al. do not say.",
    {1e-5: "torch.nn.LayerNorm, equinox", 1e-6: "flax, tensor2tensor", 1e-12: "BERT", 1e-3: "Keras"},
    default=1e-5,
    option=True,
)
VARIANCE = Convention(
    "variance",
    ("biased", "unbiased"),
    "Ba et al. 2016, equation 4: the mean of squares, divided by n.",
    {"biased": "torch.nn.LayerNorm, flax, Keras", "unbiased": "the Annotated Transformer (Tensor.std)"},
    default="biased",
)
EPS_PLACE = Convention(
    "eps_place",
    ("inside", "outside"),
    "Under the root, as batch normalisation has it (Ioffe & Szegedy 2015).",
    {"inside": "torch.nn.LayerNorm, flax, Keras", "outside": "the Annotated Transformer (std + eps)"},
    default="inside",
)


@Part
@bounded_by(bound.forward, bound.backward)
def normalised(x: Any, gamma: Any, beta: Any, *, eps: float, variance: str, eps_place: str) -> Any:
    """The formula."""
    n = x.shape[-1]
    centred = x - np.mean(x, -1, keepdims=True)
    var = np.sum(centred * centred, -1, keepdims=True) / (n if variance == "biased" else n - 1)
    eps = number(eps, like=x)
    deviation = np.sqrt(var + eps) if eps_place == "inside" else np.sqrt(var) + eps
    return centred / deviation * gamma + beta


def reach_of_norm(x: Any, gamma: Any, beta: Any, **_: Any) -> Any:
    """|gamma| sqrt(n) + |beta|: no layer norm is larger."""
    return np.abs(np.asarray(gamma, np.float64)) * np.sqrt(x.shape[-1]) + np.abs(np.asarray(beta, np.float64))


@component(
    source="Ba, Kiros & Hinton 2016, equations 3 and 4",
    honest=(
        Honest("two passes: the mean, then the mean of the squared differences", "Chan, Golub & LeVeque 1983"),
        Honest("one pass with corrections, tiled or not", "Welford 1962; PyTorch's CPU kernel"),
        Honest("gamma / sqrt(var + eps) multiplied first", "fused kernels"),
    ),
    conventions=(EPS, VARIANCE, EPS_PLACE),
    scale=reach_of_norm,
)
def layer_norm(
    x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5, variance: str = "biased", eps_place: str = "inside"
) -> Any:
    """layer_norm(x) = (x - mean(x)) / sqrt(var(x) + eps) * gamma + beta, over the last axis.

    x (..., n); gamma, beta (n). mean(x) = sum x_i / n, var(x) = sum (x_i - mean)^2 / n.
    Corners: n = 1, or all x equal: beta. eps = 0 with zero variance is 0 / 0. nan in x makes all of its row nan,
    and no other.
    Raises ValueError when gamma or beta are not as wide as x, or eps is negative.
    """
    n = x.shape[-1]
    require(
        gamma.shape == (n,) and beta.shape == (n,), f"x is {n} wide; gamma {gamma.shape}, beta {beta.shape} are not"
    )
    require(eps >= 0, f"eps = {eps}: a variance is never negative, eps must not be either")
    return normalised(x, gamma, beta, eps=eps, variance=variance, eps_place=eps_place)


@normalised.slip("no centring: the mean is not subtracted")
def not_centred(x: Any, gamma: Any, beta: Any, *, eps: float, **_: Any) -> Any:
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + number(eps, like=x)) * gamma + beta


@normalised.slip("the variance as E[x^2] - E[x]^2, which cancels where the mean is large", algorithm=True)
def variance_by_moments(x: Any, gamma: Any, beta: Any, *, eps: float, variance: str, eps_place: str) -> Any:
    """Equal to the formula, and no honest algorithm: nothing is left of a variance of 1 beside a mean of 10,000 in float32."""
    n = x.shape[-1]
    mean = np.mean(x, -1, keepdims=True)
    var = (np.mean(x * x, -1, keepdims=True) - mean * mean) * (
        1 if variance == "biased" else number(n, like=x) / (n - 1)
    )
    var, eps = np.maximum(var, number(0.0, like=x)), number(eps, like=x)
    deviation = np.sqrt(var + eps) if eps_place == "inside" else np.sqrt(var) + eps
    return (x - mean) / deviation * gamma + beta


@normalised.slip("the norm over the positions, not over the features")
def over_the_positions(x: Any, gamma: Any, beta: Any, **options: Any) -> Any:
    if x.ndim < 2:
        return normalised(x, gamma, beta, **options)
    one, nothing = (number(fill(x.shape[-2]), like=x) for fill in (np.ones, np.zeros))
    return transposed(normalised(transposed(x), one, nothing, **options)) * gamma + beta


@normalised.slip("gamma and beta exchanged")
def gamma_and_beta_exchanged(x: Any, gamma: Any, beta: Any, **options: Any) -> Any:
    return normalised(x, beta, gamma, **options)


@normalised.slip("gamma left out")
def no_gamma(x: Any, gamma: Any, beta: Any, **options: Any) -> Any:
    return normalised(x, number(np.ones(gamma.shape), like=gamma), beta, **options)


@normalised.slip("beta left out")
def no_beta(x: Any, gamma: Any, beta: Any, **options: Any) -> Any:
    return normalised(x, gamma, number(np.zeros(beta.shape), like=beta), **options)
