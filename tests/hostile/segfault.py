"""Reads from address 0."""

from __future__ import annotations

import ctypes

import numpy as np

from veriformer import Implementation

impl = Implementation("segfault")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    ctypes.string_at(0)
    return x + sublayer_output
