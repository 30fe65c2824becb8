"""Waits for a lock that it holds."""

from __future__ import annotations

import threading

import numpy as np

from veriformer import Implementation

impl = Implementation("deadlock")
lock = threading.Lock()


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    with lock, lock:
        return x + sublayer_output
