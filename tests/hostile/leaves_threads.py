"""Starts a thread that goes on."""

from __future__ import annotations

import threading
import time

import numpy as np

from veriformer import Implementation

impl = Implementation("leaves threads")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return x + sublayer_output
