"""Calls itself, without a limit, until the stack is full."""

from __future__ import annotations

import sys

import numpy as np

from veriformer import Implementation

impl = Implementation("recurses")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    sys.setrecursionlimit(10**9)
    return [residual(x, sublayer_output)][0]
