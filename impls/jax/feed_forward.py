"""The position-wise feed-forward network in JAX."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax

from veriformer.impls.jax.gelu import gelu
from veriformer.impls.jax.relu import relu
from veriformer.impls.jax.wide import plus, product


@functools.partial(jax.jit, static_argnames="activation")
def feed_forward(x: jax.Array, params: Mapping[str, jax.Array], *, activation: str = "relu") -> jax.Array:
    """activation(x w_1 + b_1) w_2 + b_2; x (..., d_model), w_1 (d_model, d_ff), w_2 (d_ff, d_model) -> like x."""
    hidden = ACTIVATIONS[activation](plus(product(x, params["w_1"]), params["b_1"]))
    return plus(product(hidden, params["w_2"]), params["b_2"])


ACTIVATIONS = {"relu": relu, "gelu": gelu}
