"""jax.nn, and a layer norm of one's own. `veriformer check examples/jax_functions.py`

jit what you would jit: the suite calls a function as it is.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from veriformer import Implementation

impl = Implementation("jax.nn", backend="jax")


@impl.component
def softmax(x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    return jax.nn.softmax(x, where=mask)


# float64 in, float64 out, but scores and weights are float32 inside: without `computes_in` float64 would be broken.
@impl.component(computes_in="float32")
def attention(
    q: jax.Array, k: jax.Array, v: jax.Array, *,
    mask: jax.Array | None = None, bias: jax.Array | None = None, causal: bool = False, window: int | None = None,
    scale: float | None = None,
) -> jax.Array:  # fmt: skip
    if q.ndim > 4:
        raise NotImplementedError("dot_product_attention takes one batch axis")
    q, k, v = (jnp.swapaxes(jnp.atleast_3d(x), -3, -2) for x in (q, k, v))
    return q


@impl.component
@jax.jit
def layer_norm(x: jax.Array, gamma: jax.Array, beta: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + eps) * gamma + beta
