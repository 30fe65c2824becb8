"""Makes errors of everybody's overflows."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("raises on overflow")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    np.seterr(over="raise")
    return x + sublayer_output
