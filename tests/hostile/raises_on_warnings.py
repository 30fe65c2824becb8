"""Makes errors of everybody's warnings."""

from __future__ import annotations

import warnings

import numpy as np

from veriformer import Implementation

impl = Implementation("raises on warnings")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    warnings.simplefilter("error")
    return x + sublayer_output
