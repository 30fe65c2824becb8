"""Wrong clippings: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.clip_by_global_norm import clip_by_global_norm

Named = dict[str, np.ndarray]


def agrees_with_the_spec(grads: Named, max_norm: float) -> Named:
    """Each array is clipped by its own norm."""
    return {name: clip_by_global_norm({name: g}, max_norm)[name] for name, g in grads.items()}


def the_norm_is_at_most_max_norm(grads: Named, max_norm: float) -> Named:
    """Only the first array's norm is looked at."""
    first, *others = grads
    short = clip_by_global_norm({first: grads[first]}, max_norm)
    return {**short, **{name: grads[name].copy() for name in others}}


def leaves_short_gradients_alone(grads: Named, max_norm: float) -> Named:
    """Every gradient is brought to the length max_norm, short ones too."""
    norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
    return {name: g * (max_norm / norm if norm else g.dtype.type(1)) for name, g in grads.items()}


def is_idempotent(grads: Named, max_norm: float) -> Named:
    """A hundredth is added to the norm, against division by zero."""
    norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
    return {name: g * np.minimum(1, max_norm / (norm + g.dtype.type(0.01))) for name, g in grads.items()}


def keeps_the_direction(grads: Named, max_norm: float) -> Named:
    """Each number is clipped by itself."""
    return {name: np.clip(g, -max_norm, max_norm) for name, g in grads.items()}


def is_homogeneous(grads: Named, max_norm: float) -> Named:
    """The norm is compared with max_norm before its root is taken."""
    square = sum(np.sum(g * g) for g in grads.values())
    with np.errstate(divide="ignore"):
        return {name: g * np.minimum(g.dtype.type(1), max_norm / square) for name, g in grads.items()}


def ignores_the_order_of_tensors(grads: Named, max_norm: float) -> Named:
    """The last array is forgotten in the norm."""
    names = list(grads)
    counted = {name: grads[name] for name in names[:-1] or names}
    norm = np.sqrt(sum(np.sum(g * g) for g in counted.values()))
    with np.errstate(divide="ignore"):
        return {name: g * np.minimum(1, max_norm / norm) for name, g in grads.items()}


def splitting_a_tensor_changes_nothing(grads: Named, max_norm: float) -> Named:
    """The norms of the arrays are added."""
    norm = sum(np.sqrt(np.sum(g * g)) for g in grads.values())
    with np.errstate(divide="ignore"):
        return {name: g * np.minimum(1, max_norm / norm) for name, g in grads.items()}


def an_array_of_zeros_changes_nothing(grads: Named, max_norm: float) -> Named:
    """The mean of the squares in place of their sum."""
    count = sum(g.size for g in grads.values())
    norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()) / np.float32(count))
    with np.errstate(divide="ignore"):
        return {name: g * np.minimum(1, max_norm / norm) for name, g in grads.items()}
