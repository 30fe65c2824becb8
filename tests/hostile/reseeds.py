"""Seeds everybody's generator."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("reseeds")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    np.random.seed(0)
    return x + sublayer_output
