"""GELU, by erf or by its tanh approximation, in JAX."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, static_argnames="approximate")
def gelu(x: jax.Array, *, approximate: str = "none") -> jax.Array:
    """x Phi(x), where Phi(x) = (1 + erf(x / sqrt(2))) / 2 is the normal distribution function; "tanh": approximately."""
    if approximate == "tanh":
        return x * (0.5 * (1.0 + jnp.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * (x * x * x)))))
    return x * (0.5 * (1.0 + jax.lax.erf(x / math.sqrt(2.0))))
