"""Writes into whatever is open."""

from __future__ import annotations

import contextlib
import os

import numpy as np

from veriformer import Implementation

impl = Implementation("writes everywhere")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    for number in range(256):
        with contextlib.suppress(OSError):
            os.write(number, b"something else than an answer")
    return x + sublayer_output
