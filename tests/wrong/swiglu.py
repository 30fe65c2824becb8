"""Wrong gated feed-forward networks: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.silu import sigmoid, silu
from veriformer.impls.numpy.swiglu import swiglu, swiglu_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, params: Any) -> Array:
    """Gate and up exchanged."""
    return swiglu(x, {**params, "w_gate": params["w_up"], "w_up": params["w_gate"]})


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, params: Any) -> tuple[Array, dict[str, Array]]:
    """What comes back through the gate is forgotten."""
    _, d_params = swiglu_vjp(cotangent, x, params)
    d_up = cotangent @ params["w_down"].T * silu(x @ params["w_gate"])
    return d_up @ params["w_up"].T, d_params


def rows_act_alone(x: Array, params: Any) -> Array:
    """The mean over the positions is taken off, as a batch norm would."""
    answer = swiglu(x, params)
    return answer - np.mean(answer, axis=-2, keepdims=True)


def ignores_the_order_of_hidden_units(x: Array, params: Any) -> Array:
    """The last hidden unit is never computed: a tile that ends one too early."""
    return swiglu(
        x, {"w_gate": params["w_gate"][:, :-1], "w_up": params["w_up"][:, :-1], "w_down": params["w_down"][:-1]}
    )


def is_linear_in_what_is_gated(x: Array, params: Any) -> Array:
    """Both halves are activated."""
    return (silu(x @ params["w_gate"]) * silu(x @ params["w_up"])) @ params["w_down"]


def a_gate_of_zero_is_shut(x: Array, params: Any) -> Array:
    """A sigmoid for the gate: at 0 it is half open."""
    return (sigmoid(x @ params["w_gate"]) * (x @ params["w_up"])) @ params["w_down"]
