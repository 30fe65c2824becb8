"""The gated feed-forward network SwiGLU in JAX."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from veriformer.impls.jax.silu import silu
from veriformer.impls.jax.wide import product


@jax.jit
def swiglu(x: jax.Array, params: Mapping[str, jax.Array]) -> jax.Array:
    """(silu(x w_gate) * (x w_up)) w_down; x (..., d_model), w_gate and w_up (d_model, d_ff), w_down (d_ff, d_model)."""
    gate = product(x, params["w_gate"])
    up = product(x, params["w_up"])
    return product(silu(gate) * up, params["w_down"])
