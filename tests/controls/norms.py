"""Honest layer norms and RMS norms: two passes in every order of summation, Welford's in tiles, the gain first or last."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F

from tests.controls.arithmetic import SUMS, Array, by_numpy, constant, in_reverse, in_turn, mean, sum_to
from tests.controls.control import HALF, Control, in_jax, in_numpy, in_torch

CHAN = "Chan, Golub & LeVeque 1983"
WELFORD = "Welford 1962; PyTorch's CPU kernel"
FUSED = "fused kernels"
ZHANG = "Zhang & Sennrich 2019, equation 4"


def two_passes(x: Array, total: Any = by_numpy) -> tuple[Array, Array]:
    """Centred values and their variance."""
    centred = x - mean(x, total)
    return centred, mean(centred * centred, total)


def by_reciprocal(x: Array) -> tuple[Array, Array]:
    """1 / n multiplied in place of the division."""
    share = constant(1, x) / constant(x.shape[-1], x)
    centred = x - in_turn(x) * share
    return centred, in_turn(centred * centred) * share


Moments = tuple[int, Array, Array]
"""Count, mean and sum of squared differences."""


def welford(x: Array) -> Moments:
    average, squares = np.zeros(x.shape[:-1], x.dtype), np.zeros(x.shape[:-1], x.dtype)
    for i in range(x.shape[-1]):
        difference = x[..., i] - average
        average = average + difference / constant(i + 1, x)
        squares = squares + difference * (x[..., i] - average)
    return x.shape[-1], average, squares


def together(a: Moments, b: Moments) -> Moments:
    n, difference = a[0] + b[0], b[1] - a[1]
    share = constant(b[0], difference) / constant(n, difference)
    weight = constant(a[0], difference) * share
    return n, a[1] + difference * share, a[2] + b[2] + difference * difference * weight


def tiled(x: Array, block: int) -> tuple[Array, Array]:
    tiles = [welford(x[..., i : i + block]) for i in range(0, x.shape[-1], block)]
    n, average, squares = functools.reduce(together, tiles)
    return x - average[..., None], (squares / constant(n, x))[..., None]


def layer_norm(
    x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, moments: Any = two_passes, gain_first: bool = False
) -> Array:
    centred, variance = moments(x)
    root = np.sqrt(variance + constant(eps, x))
    return centred * (constant(1, x) / root * gamma) + beta if gain_first else centred / root * gamma + beta


def fused_backward(g: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """r (h - mean h - y mean(h y)) from the stored mean and r."""
    centred, variance = two_passes(x)
    r = constant(1, x) / np.sqrt(variance + constant(eps, x))
    y, h = centred * r, g * gamma
    dx = r * (h - mean(h) - y * mean(h * y))
    return dx, sum_to(g * y, gamma.shape), sum_to(g, beta.shape)


def stepwise_backward(g: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, ...]:
    """Through the root, the squares and the mean, one after the other, as tapes do."""
    centred, variance = two_passes(x, in_reverse)
    r = constant(1, x) / np.sqrt(variance + constant(eps, x))
    h = g * gamma
    d_r = in_reverse(h * centred)
    d_variance = constant(-0.5, x) * d_r * (r * r * r)
    d_centred = h * r + d_variance * (constant(2, x) * centred / constant(x.shape[-1], x))
    return d_centred - mean(d_centred, in_reverse), sum_to(g * (centred * r), gamma.shape), sum_to(g, beta.shape)


def in_plain_torch(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps) * gamma + beta


def of_torch(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


@functools.cache
def compiled() -> Any:
    """When it is first called: to import the compiler takes seconds."""
    return torch.compile(lambda x, gamma, beta, eps: in_plain_torch(x, gamma, beta, eps=eps), dynamic=True)


def by_inductor(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    answer: torch.Tensor = compiled()(x, gamma, beta, eps)
    return answer


def in_plain_jax(x: jax.Array, gamma: jax.Array, beta: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + eps) * gamma + beta


def rms_norm(
    x: Array, gamma: Array, *, eps: float = 1e-5, total: Any = by_numpy, gain_first: bool = False, divide: bool = False
) -> Array:
    root = np.sqrt(mean(x * x, total) + constant(eps, x))
    if divide:
        return x / root * gamma
    inverse = constant(1, x) / root
    return x * (inverse * gamma) if gain_first else x * inverse * gamma


def rms_backward(g: Array, x: Array, gamma: Array, *, eps: float = 1e-5) -> tuple[Array, Array]:
    r = constant(1, x) / np.sqrt(mean(x * x) + constant(eps, x))
    y, h = x * r, g * gamma
    return r * (h - y * mean(h * y)), sum_to(g * y, gamma.shape)


def rms_of_torch(x: torch.Tensor, gamma: torch.Tensor, *, eps: float = 1e-5) -> torch.Tensor:
    return F.rms_norm(x, x.shape[-1:], gamma, eps)


def rms_in_jax(x: jax.Array, gamma: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + eps) * gamma


def norm(how: str, source: str, backward: Any = None, **choice: Any) -> tuple[Control, ...]:
    return in_numpy("layer_norm", how, source, functools.partial(layer_norm, **choice), vjp=backward)


CONTROLS: tuple[Control, ...] = (
    *(
        one
        for total in SUMS
        for one in norm(
            f"two passes, summed {total.__name__}",
            CHAN,
            fused_backward,
            moments=functools.partial(two_passes, total=total),
        )
    ),
    *norm("two passes, times 1 / n", CHAN, stepwise_backward, moments=by_reciprocal),
    *norm("two passes, the gain first", FUSED, gain_first=True),
    *(
        one
        for block in (1, 2, 8)
        for one in norm(
            f"one pass with corrections, tiles of {block}", CHAN, moments=functools.partial(tiled, block=block)
        )
    ),
    *norm("one pass with corrections", WELFORD, moments=functools.partial(tiled, block=10**9)),
    *norm(
        "one pass with corrections, the gain first", FUSED, moments=functools.partial(tiled, block=3), gain_first=True
    ),
    *in_torch("layer_norm", "torch.nn.functional.layer_norm", "PyTorch", of_torch),
    *in_torch(
        "layer_norm",
        "torch.nn.functional.layer_norm, held to float32 inside",
        "PyTorch",
        of_torch,
        dtypes=HALF,
        precision="layer",
    ),
    *in_torch("layer_norm", "torch, eager", CHAN, in_plain_torch),
    *in_torch("layer_norm", "torch.compile", "PyTorch's inductor", by_inductor, slow=True, only={"rank": 2}),
    *in_jax("layer_norm", "jax, jit", CHAN, jax.jit(in_plain_jax, static_argnames="eps")),
    *in_jax("layer_norm", "jax, eager", CHAN, in_plain_jax, dtypes=("float32", "bfloat16")),
    *in_numpy("rms_norm", "divided by the root", ZHANG, functools.partial(rms_norm, divide=True), vjp=rms_backward),
    *in_numpy("rms_norm", "times the reciprocal root", ZHANG, functools.partial(rms_norm, total=in_turn)),
    *in_numpy("rms_norm", "the gain first", FUSED, functools.partial(rms_norm, total=in_reverse, gain_first=True)),
    *in_torch("rms_norm", "torch.nn.functional.rms_norm", "PyTorch", rms_of_torch),
    *in_jax("rms_norm", "jax, jit", ZHANG, jax.jit(rms_in_jax, static_argnames="eps")),
)
