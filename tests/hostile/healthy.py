"""Does nobody any harm."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("healthy")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    return x + sublayer_output
