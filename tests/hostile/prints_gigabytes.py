"""Prints without end."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("prints gigabytes")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    while True:
        print("x" * 2**16)
