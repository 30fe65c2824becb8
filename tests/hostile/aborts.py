"""Aborts, as a failed assertion in C does."""

from __future__ import annotations

import os

import numpy as np

from veriformer import Implementation

impl = Implementation("aborts")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.abort()
