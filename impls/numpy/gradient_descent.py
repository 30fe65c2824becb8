"""Gradient descent in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain


def gradient_descent(
    params: dict[str, np.ndarray], grads: dict[str, np.ndarray], *, lr: float
) -> dict[str, np.ndarray]:
    """p - lr g for every array and its gradient of the same name; the parameters given stay as they are."""
    domain.not_negative(lr=lr)
    domain.alike("params", params, grads=grads)
    return {name: p - lr * grads[name] for name, p in params.items()}
