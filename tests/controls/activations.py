"""Honest GELUs, SiLUs and feed-forward networks: by erf, erfc or tanh, the sigmoid in three forms, products in every order."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F

from tests.controls.arithmetic import (
    Array,
    constant,
    erf,
    erfc,
    matmul,
    product_fused,
    product_in_blocks,
    product_in_reverse,
    product_in_turn,
)
from tests.controls.control import Control, in_jax, in_numpy, in_torch

HENDRYCKS = "Hendrycks & Gimpel 2016, section 2"
ANY = "any order of summation"


def by_erf(x: Array) -> Array:
    return x * (constant(0.5, x) * (constant(1, x) + erf(x / constant(np.sqrt(2), x))))


def half_first(x: Array) -> Array:
    return constant(0.5, x) * x * (constant(1, x) + erf(x * constant(np.sqrt(0.5), x)))


def by_erfc(x: Array) -> Array:
    return constant(0.5, x) * x * erfc(-x * constant(np.sqrt(0.5), x))


def by_tanh(x: Array, *, approximate: str = "none") -> Array:
    if approximate != "tanh":
        raise NotImplementedError("the approximation alone")
    inner = constant(np.sqrt(2 / np.pi), x) * (x + constant(0.044715, x) * (x * x * x))
    return constant(0.5, x) * x * (constant(1, x) + np.tanh(inner))


def gelu_backward(g: Array, x: Array) -> tuple[Array]:
    """Phi(x) + x phi(x)."""
    cdf = constant(0.5, x) * (constant(1, x) + erf(x * constant(np.sqrt(0.5), x)))
    pdf = np.exp(x * x * constant(-0.5, x)) * constant(1 / np.sqrt(2 * np.pi), x)
    return (g * (cdf + x * pdf),)


def sigmoid(x: Array) -> Array:
    return constant(1, x) / (constant(1, x) + np.exp(-x))


def silu_by_product(x: Array) -> Array:
    return x * sigmoid(x)


def silu_by_quotient(x: Array) -> Array:
    return x / (constant(1, x) + np.exp(-x))


def silu_by_tanh(x: Array) -> Array:
    half = constant(0.5, x)
    return x * (half + half * np.tanh(half * x))


def silu_backward(g: Array, x: Array) -> tuple[Array]:
    s = sigmoid(x)
    return (g * s * (constant(1, x) + x * (constant(1, x) - s)),)


def feed_forward(x: Array, params: dict[str, Array], *, activation: str = "relu", product: Any = matmul) -> Array:
    inner = product(x, params["w_1"]) + params["b_1"]
    hidden = np.maximum(inner, constant(0, inner)) if activation == "relu" else by_erf(inner)
    return product(hidden, params["w_2"]) + params["b_2"]


def bias_first(x: Array, params: dict[str, Array], *, activation: str = "relu") -> Array:
    """The bias as the first term of the sum, as addmm has it."""

    def affine(y: Array, n: int) -> Array:
        ones = np.ones((*y.shape[:-1], 1), y.dtype)
        return product_in_turn(
            np.concatenate([ones, y], -1), np.concatenate([params[f"b_{n}"][None], params[f"w_{n}"]])
        )

    inner = affine(x, 1)
    return affine(np.maximum(inner, constant(0, inner)) if activation == "relu" else half_first(inner), 2)


def linear(x: torch.Tensor, params: dict[str, torch.Tensor], *, activation: str = "relu") -> torch.Tensor:
    hidden = getattr(F, activation)(F.linear(x, params["w_1"].T, params["b_1"]))
    return F.linear(hidden, params["w_2"].T, params["b_2"])


def dense(x: jax.Array, params: dict[str, jax.Array], *, activation: str = "relu") -> jax.Array:
    inner = x @ params["w_1"] + params["b_1"]
    hidden = jax.nn.relu(inner) if activation == "relu" else jax.nn.gelu(inner, approximate=False)
    return hidden @ params["w_2"] + params["b_2"]


def gelu_of_torch(x: torch.Tensor, *, approximate: str = "none") -> torch.Tensor:
    return F.gelu(x, approximate=approximate)


def gelu_of_jax(x: jax.Array, *, approximate: str = "none") -> jax.Array:
    return jax.nn.gelu(x, approximate=approximate == "tanh")


CONTROLS: tuple[Control, ...] = (
    *in_numpy("gelu", "by erf", HENDRYCKS, by_erf, vjp=gelu_backward),
    *in_numpy("gelu", "by erf, halved first", HENDRYCKS, half_first),
    *in_numpy("gelu", "by erfc", "jax.nn.gelu", by_erfc),
    *in_numpy("gelu", "by tanh", HENDRYCKS, by_tanh),
    *in_torch("gelu", "torch.nn.functional.gelu", "PyTorch", gelu_of_torch),
    *in_jax("gelu", "jax.nn.gelu, jit", "JAX", jax.jit(gelu_of_jax, static_argnames="approximate")),
    *in_numpy("silu", "times the sigmoid", "Elfwing et al. 2018", silu_by_product, vjp=silu_backward),
    *in_numpy("silu", "x / (1 + exp(-x))", "Elfwing et al. 2018", silu_by_quotient),
    *in_numpy("silu", "by tanh", "XLA's logistic", silu_by_tanh),
    *in_torch("silu", "torch.nn.functional.silu", "PyTorch", lambda x: F.silu(x)),
    *in_jax("silu", "jax.nn.silu, jit", "JAX", jax.jit(lambda x: jax.nn.silu(x))),
    *(
        one
        for product in (matmul, product_in_turn, product_in_reverse, product_in_blocks)
        for one in in_numpy(
            "feed_forward", f"by {product.__name__}", ANY, functools.partial(feed_forward, product=product)
        )
    ),
    *in_numpy(
        "feed_forward",
        "by product_fused",
        "any FMA unit",
        functools.partial(feed_forward, product=product_fused),
        dtypes=("float32", "bfloat16", "float16"),
    ),
    *in_numpy("feed_forward", "the bias first in the sum", "addmm", bias_first),
    *in_torch("feed_forward", "torch.nn.functional.linear", "PyTorch", linear),
    *in_jax("feed_forward", "jax, jit", "JAX", jax.jit(dense, static_argnames="activation")),
)
