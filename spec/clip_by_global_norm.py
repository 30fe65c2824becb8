"""clip_by_global_norm: gradients made shorter, all by one factor, where they are too long together."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import clip_by_global_norm as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part

UNDER = Convention(
    "under",
    ("norm", "norm_plus_1e-6"),
    "Pascanu et al. 2013, algorithm 1: the threshold over the norm.",
    {
        "norm": "the paper; optax.clip_by_global_norm, tf.clip_by_global_norm",
        "norm_plus_1e-6": "torch.nn.utils.clip_grad_norm_: a second clip shrinks once more",
    },
    default="norm",
)
NORM_OF = Convention(
    "norm_of",
    ("global", "per_tensor"),
    "The gradient of the paper is one vector: all arrays together.",
    {"global": "torch.nn.utils.clip_grad_norm_, optax.clip_by_global_norm", "per_tensor": "Keras clipnorm"},
    default="global",
)


@Part
@bounded_by(bound.norm)
def norm(*arrays: Any) -> Any:
    """The root of the sum of all squares."""
    total = (arrays[0] * arrays[0]).sum()
    for array in arrays[1:]:
        total = total + (array * array).sum()
    return np.sqrt(total)


@Part
@bounded_by(bound.limited)
def limited(g: Any, length: Any, limit: Any) -> Any:
    """g min(1, limit / length), with the minimum written as a quotient that is never 0 / 0."""
    return g * (limit / np.maximum(limit, length))


@component(
    source="Pascanu, Mikolov & Bengio 2013, algorithm 1",
    honest=(
        Honest("squares summed in any order; or the norm of the arrays' norms", "torch.nn.utils.clip_grad_norm_"),
        Honest("the largest number taken out before squaring", "Blue 1978; BLAS nrm2"),
        Honest("g / norm * max_norm", "optax.clip_by_global_norm"),
        Honest("max_norm * min(1 / norm, 1 / max_norm)", "tf.clip_by_global_norm"),
    ),
    conventions=(UNDER, NORM_OF),
)
def clip_by_global_norm(
    grads: dict[str, Any], max_norm: float, *, under: str = "norm", norm_of: str = "global"
) -> dict[str, Any]:
    """clip_by_global_norm(g) = g min(1, max_norm / norm), norm = sqrt(sum of all squares of all arrays).

    grads: name -> array. Returns the same names. max_norm: a number above 0; infinity clips nothing.
    Corners: gradients of 0 stay 0.
    Raises ValueError for a max_norm that is not above 0.
    """
    require(max_norm > 0, f"max_norm {max_norm}: wanted a number above 0")
    if not grads or np.isinf(max_norm):
        return dict(grads)

    def clipped(some: dict[str, Any]) -> dict[str, Any]:
        length = norm(*some.values())
        if under == "norm_plus_1e-6":
            length = length + number(1e-6, like=length)
        return {name: limited(g, length, number(max_norm, like=g)) for name, g in some.items()}

    if norm_of == "global":
        return clipped(grads)
    return {name: clipped({name: g})[name] for name, g in grads.items()}


@limited.slip("a factor of max_norm / norm for short gradients too")
def always_rescaled(g: Any, length: Any, limit: Any) -> Any:
    return g * (limit / length)


@limited.slip("each number clipped by itself")
def clipped_by_value(g: Any, length: Any, limit: Any) -> Any:
    return -np.maximum(-np.maximum(g, -limit), -limit)


@norm.slip("the sum of squares without its root")
def norm_squared(*arrays: Any) -> Any:
    return norm(*arrays) * norm(*arrays)


@norm.slip("the root of the mean of squares")
def root_of_the_mean(*arrays: Any) -> Any:
    return norm(*arrays) / np.sqrt(number(sum(array.size for array in arrays), like=arrays[0]))


@norm.slip("the sum of the arrays' norms")
def sum_of_norms(*arrays: Any) -> Any:
    total = norm(arrays[0])
    for array in arrays[1:]:
        total = total + norm(array)
    return total
