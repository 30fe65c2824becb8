"""jax.nn, and a layer norm of one's own. `veriformer check examples/jax_functions.py`

The suite calls a function as it is: jit what you would jit.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from veriformer import Implementation

impl = Implementation("jax.nn", backend="jax")


@impl.component
@jax.jit
def softmax(x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    return jax.nn.softmax(x, where=mask)


# Of float64, scores and weights are computed in float32. Judged by float64's bound that would be broken; declared, it is
# judged by what it is. To offer float32 alone, write Implementation(..., dtypes=("float32",)).
@impl.component(computes_in="float32")
@functools.partial(jax.jit, static_argnames=("causal", "window"))
def attention(
    q: jax.Array, k: jax.Array, v: jax.Array, *, mask: jax.Array | None = None, bias: jax.Array | None = None,
    causal: bool = False, window: int | None = None, scale: float | None = None,
) -> jax.Array:  # fmt: skip
    if q.ndim > 4:
        raise NotImplementedError("dot_product_attention takes one batch axis")
    heads_last = [jnp.swapaxes(x[None] if x.ndim < 3 else x, -3, -2) for x in (q, k, v)]
    out = jax.nn.dot_product_attention(
        *heads_last, bias=bias, mask=mask, scale=scale, is_causal=causal, local_window_size=window and window - 1
    )
    return jnp.swapaxes(out, -3, -2).reshape(*q.shape[:-1], v.shape[-1])


@impl.component
@jax.jit
def layer_norm(x: jax.Array, gamma: jax.Array, beta: jax.Array, *, eps: float = 1e-5) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + eps) * gamma + beta
