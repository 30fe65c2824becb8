"""Weight decay in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain


def weight_decay(params: dict[str, np.ndarray], *, lr: float, rate: float) -> dict[str, np.ndarray]:
    """p - lr rate p for every array; the parameters given stay as they are."""
    domain.not_negative(lr=lr, rate=rate)
    return {name: p - lr * rate * p for name, p in params.items()}
