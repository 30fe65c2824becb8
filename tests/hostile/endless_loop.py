"""Never comes back."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("endless loop")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    while True:
        x = x + sublayer_output
