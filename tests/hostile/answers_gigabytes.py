"""Answers with four thousand million numbers, made of one."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("answers gigabytes")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    return np.broadcast_to(x.ravel()[:1], (2**32,))
