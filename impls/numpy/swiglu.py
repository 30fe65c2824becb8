"""The gated feed-forward network SwiGLU, and its gradients, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from veriformer.impls.numpy.feed_forward import d_weights
from veriformer.impls.numpy.silu import silu, silu_vjp


def swiglu(x: np.ndarray, params: Mapping[str, np.ndarray]) -> np.ndarray:
    """(silu(x w_gate) * (x w_up)) w_down; x (..., d_model), w_gate and w_up (d_model, d_ff), w_down (d_ff, d_model)."""
    gate, up = np.matmul(x, params["w_gate"]), np.matmul(x, params["w_up"])
    return np.matmul(silu(gate) * up, params["w_down"])


def swiglu_vjp(
    cotangent: np.ndarray, x: np.ndarray, params: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The gradients for x and the three weights, where g is the cotangent.

    With a = x w_gate, b = x w_up, h = silu(a) b and d_h = g w_down^T:

        d_w_down = h^T g,   d_b = d_h silu(a),   d_a = d_h b silu'(a)
        d_w_gate = x^T d_a,   d_w_up = x^T d_b,   d_x = d_a w_gate^T + d_b w_up^T
    """
    gate, up = np.matmul(x, params["w_gate"]), np.matmul(x, params["w_up"])
    activated = silu(gate)
    d_hidden = np.matmul(cotangent, params["w_down"].T)
    d_up = d_hidden * activated
    (d_gate,) = silu_vjp(d_hidden * up, gate)
    d_x = np.matmul(d_gate, params["w_gate"].T) + np.matmul(d_up, params["w_up"].T)
    weights = {"w_gate": (x, d_gate), "w_up": (x, d_up), "w_down": (activated * up, cotangent)}
    return d_x, {name: d_weights(*pair) for name, pair in weights.items()}
