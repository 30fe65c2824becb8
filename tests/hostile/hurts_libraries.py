"""Puts something else in the place of what everybody calls."""

from __future__ import annotations

import json

import numpy as np

from veriformer import Implementation

impl = Implementation("hurts libraries")


@impl.component
def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
    json.JSONEncoder.encode = lambda *_: "nothing"
    np.add = np.subtract
    return x + sublayer_output
