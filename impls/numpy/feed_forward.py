"""The position-wise feed-forward network in NumPy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import erf


def feed_forward(x: np.ndarray, params: Mapping[str, np.ndarray], *, activation: str = "relu") -> np.ndarray:
    """activation(x w_1 + b_1) w_2 + b_2; x (..., d_model), w_1 (d_model, d_ff), w_2 (d_ff, d_model) -> like x."""
    hidden = ACTIVATIONS[activation](np.matmul(x, params["w_1"]) + params["b_1"])
    return np.matmul(hidden, params["w_2"]) + params["b_2"]


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def gelu(x: np.ndarray) -> np.ndarray:
    """x Phi(x), where Phi(x) = (1 + erf(x / sqrt(2))) / 2 is the normal distribution function."""
    return x * (0.5 * (1.0 + erf(x / math.sqrt(2.0))))


ACTIVATIONS = {"relu": relu, "gelu": gelu}
