"""Half types in JAX where XLA would add up in them: the gradient of what is broadcast, and, on a GPU, products of one row."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def wide(x: jax.Array) -> jax.Array:
    """x in float32 if its type is narrower, else x itself. The gradient comes back rounded once, to the type of x.

    A bias of 2,048 rows of ones would else have the gradient 256 in bfloat16: there a sum of ones goes no further.
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def plus(x: jax.Array, bias: jax.Array) -> jax.Array:
    """x + bias, in the type of x."""
    return (wide(x) + wide(bias)).astype(x.dtype)


def times(x: jax.Array, gain: jax.Array) -> jax.Array:
    """x gain, in the type of x."""
    return (wide(x) * wide(gain)).astype(x.dtype)


def product(x: jax.Array, w: jax.Array) -> jax.Array:
    """x w, added up in float32 at least, every digit of the factors kept, and rounded once, to the type of x.

    Of one row XLA makes products and sums of them, on a GPU in the half type.
    """
    wider = jnp.promote_types(x.dtype, jnp.float32)
    return jnp.matmul(x, w, precision="highest", preferred_element_type=wider).astype(x.dtype)
