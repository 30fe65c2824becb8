"""Kills its own process."""

from __future__ import annotations

import os
import signal

import numpy as np

from veriformer import Implementation

impl = Implementation("kills itself")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    os.kill(os.getpid(), signal.SIGKILL)
    return x + sublayer_output
