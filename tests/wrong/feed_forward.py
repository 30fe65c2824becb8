"""Wrong feed-forward networks: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, params: Any, *, activation: str = "relu") -> Array:
    """GELU by its tanh approximation."""
    if activation != "gelu":
        return feed_forward(x, params, activation=activation)
    z = x @ params["w_1"] + params["b_1"]
    hidden = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi).item() * (z + 0.044715 * z * z * z)))
    return hidden @ params["w_2"] + params["b_2"]


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, params: Any, *, activation: str = "relu"
) -> tuple[Array, dict[str, Array]]:
    """The bias gradients are means over the positions, not sums."""
    d_x, d_params = feed_forward_vjp(cotangent, x, params, activation=activation)
    return d_x, {name: g / cotangent[..., 0].size if name.startswith("b_") else g for name, g in d_params.items()}


def rows_act_alone(x: Array, params: Any, **options: Any) -> Array:
    """The mean over the positions is taken off, as a batch norm would."""
    answer = feed_forward(x, params, **options)
    return answer - np.mean(answer, axis=-2, keepdims=True)


def ignores_the_order_of_hidden_units(x: Array, params: Any, **options: Any) -> Array:
    """The last hidden unit is never computed: a tile that ends one too early."""
    parts = {"w_1": params["w_1"][:, :-1], "b_1": params["b_1"][:-1], "w_2": params["w_2"][:-1], "b_2": params["b_2"]}
    return feed_forward(x, parts, **options)


def hidden_units_can_be_rescaled(x: Array, params: Any, *, activation: str = "relu") -> Array:
    """ReLU6 in place of ReLU."""
    if activation != "relu":
        return feed_forward(x, params, activation=activation)
    return np.clip(x @ params["w_1"] + params["b_1"], 0, 6) @ params["w_2"] + params["b_2"]
