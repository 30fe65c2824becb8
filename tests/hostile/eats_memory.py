"""Asks for more and more memory, and uses it."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("eats memory")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    eaten = []
    while True:
        eaten.append(np.ones(2**22))
