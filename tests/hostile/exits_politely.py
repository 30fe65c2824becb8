"""Leaves by an exception, and calls it success."""

from __future__ import annotations

import sys

import numpy as np

from veriformer import Implementation

impl = Implementation("exits politely")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    sys.exit(0)
