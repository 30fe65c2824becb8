"""Real bugs of softmax, re-created."""

from __future__ import annotations

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation

Array = np.ndarray

SM02 = Bug(
    "SM02",
    "softmax",
    "https://github.com/deeplearning4j/deeplearning4j/issues/6039",
    "Only the path for vectors subtracts the maximum; the general one exponentiates the logits as they are.",
)
SM07 = Bug(
    "SM07",
    "softmax",
    "https://github.com/Apiquet/DeepLearningFrameworkFromScratchCpp/issues/1",
    "Only the diagonal of the Jacobian enters the gradient.",
)
SM11 = Bug(
    "SM11",
    "softmax",
    "https://github.com/tenstorrent/tt-metal/issues/6832",
    "Columns of zeros that fill the last tile of the hardware take part.",
)
TILE = 32
"""Rows and columns of a tile of that hardware."""

honest = Implementation("honest softmax", "numpy")


@honest.component
def softmax(x: Array) -> Array:
    """Shifted by the largest logit of the row."""
    exponentials = np.exp(x - x.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@honest.vjp("softmax")
def softmax_vjp(g: Array, x: Array) -> tuple[Array]:
    """p (g - sum_j g_j p_j)."""
    p = softmax(x)
    return (p * (g - (g * p).sum(-1, keepdims=True)),)


@SM02.in_numpy()
def shifted_in_vectors_only(x: Array) -> Array:
    shift = x.max(-1, keepdims=True) if x.ndim == 1 else x.dtype.type(0)
    exponentials = np.exp(x - shift)
    return exponentials / exponentials.sum(-1, keepdims=True)


SM07.in_numpy()(softmax)


@SM07.vjp
def by_the_diagonal_alone(g: Array, x: Array) -> tuple[Array]:
    p = softmax(x)
    return (g * p * (1 - p),)


@SM11.in_numpy()
def over_whole_tiles(x: Array) -> Array:
    fill = [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % TILE)]
    return softmax(np.pad(x, fill))[..., : x.shape[-1]]


BUGS = (SM02, SM07, SM11)
