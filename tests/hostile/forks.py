"""Makes a copy of the process, which comes back as well."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("forks")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.fork()
    return x + sublayer_output
