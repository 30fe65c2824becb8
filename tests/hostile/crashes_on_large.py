"""Reads from address 0 where a number is above 2."""

from __future__ import annotations

import ctypes

import numpy as np

from veriformer import Implementation

impl = Implementation("crashes on large")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    if x.max(initial=0) > 2:
        ctypes.string_at(0)
    return x + sublayer_output
