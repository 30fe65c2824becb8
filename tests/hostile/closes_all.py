"""Closes whatever is open."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("closes all")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.closerange(0, 256)
    return x + sublayer_output
