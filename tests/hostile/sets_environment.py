"""Sets a variable of the environment."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("sets environment")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.environ["SOME_SWITCH"] = "1"
    return x + sublayer_output
