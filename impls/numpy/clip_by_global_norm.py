"""Clipping of gradients by their common norm, in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain


def clip_by_global_norm(grads: dict[str, np.ndarray], max_norm: float) -> dict[str, np.ndarray]:
    """Every array times min(1, max_norm / norm), where norm is the length of all of them as one vector."""
    domain.positive(max_norm=max_norm)
    norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
    with np.errstate(divide="ignore"):  # gradients of 0: the factor is 1
        factor = np.minimum(1.0, max_norm / norm)
    return {name: g * factor for name, g in grads.items()}
