"""Never comes back, and does not hear that it is to end."""

from __future__ import annotations

import signal

import numpy as np

from veriformer import Implementation

impl = Implementation("endless and deaf")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    for heard in (signal.SIGABRT, signal.SIGTERM, signal.SIGINT):
        signal.signal(heard, signal.SIG_IGN)
    while True:
        x = x + sublayer_output
