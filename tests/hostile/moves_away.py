"""Changes the working directory."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("moves away")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.chdir("/")
    return x + sublayer_output
