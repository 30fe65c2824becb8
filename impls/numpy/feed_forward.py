"""The position-wise feed-forward network, and its gradients, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from veriformer.impls.numpy.gelu import gelu, gelu_vjp
from veriformer.impls.numpy.relu import relu, relu_vjp


def feed_forward(x: np.ndarray, params: Mapping[str, np.ndarray], *, activation: str = "relu") -> np.ndarray:
    """activation(x w_1 + b_1) w_2 + b_2; x (..., d_model), w_1 (d_model, d_ff), w_2 (d_ff, d_model) -> like x."""
    hidden = ACTIVATIONS[activation](np.matmul(x, params["w_1"]) + params["b_1"])
    return np.matmul(hidden, params["w_2"]) + params["b_2"]


ACTIVATIONS = {"relu": relu, "gelu": gelu}
DERIVATIVES = {"relu": relu_vjp, "gelu": gelu_vjp}


def feed_forward_vjp(
    cotangent: np.ndarray, x: np.ndarray, params: Mapping[str, np.ndarray], *, activation: str = "relu"
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The gradients for x and the four parameters, where g is the cotangent.

    With z = x w_1 + b_1, h = activation(z) and d_z = (g w_2^T) activation'(z):

        d_w_2 = h^T g,   d_b_2 = sum of g,   d_w_1 = x^T d_z,   d_b_1 = sum of d_z,   d_x = d_z w_1^T

    The sums, and the products with a transposed factor, run over all positions.
    """
    before = np.matmul(x, params["w_1"]) + params["b_1"]
    hidden = ACTIVATIONS[activation](before)
    (d_before,) = DERIVATIVES[activation](np.matmul(cotangent, params["w_2"].T), before)
    gradients = {
        "w_1": d_weights(x, d_before),
        "b_1": d_bias(d_before),
        "w_2": d_weights(hidden, cotangent),
        "b_2": d_bias(cotangent),
    }
    return np.matmul(d_before, params["w_1"].T), {name: gradients[name] for name in params}


def d_weights(x: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    """The gradient of w in x w: x^T g, all positions together."""
    return np.matmul(x.reshape(-1, x.shape[-1]).T, cotangent.reshape(-1, cotangent.shape[-1]))


def d_bias(cotangent: np.ndarray) -> np.ndarray:
    """The gradient of b in x w + b: the sum of g over all positions."""
    return np.sum(cotangent.reshape(-1, cotangent.shape[-1]), axis=0)
