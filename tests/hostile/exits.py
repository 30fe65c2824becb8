"""Leaves the process at once, and calls it success."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("exits")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os._exit(0)
