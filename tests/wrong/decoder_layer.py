"""Wrong decoder layers: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.decoder_layer import decoder_layer, decoder_layer_vjp
from veriformer.impls.numpy.encoder_layer import encoder_layer
from veriformer.impls.numpy.layer_norm import layer_norm

Array = np.ndarray


def agrees_with_the_spec(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """The norms of the cross-attention and of the feed-forward have changed places."""
    return decoder_layer(x, memory, {**params, "norm_2": params["norm_3"], "norm_3": params["norm_2"]}, **options)


def idle_pre_norm_is_the_identity(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Pre-norm, but the residual connection starts behind the first norm."""
    if options.get("norm") == "pre":
        x = layer_norm(x, **params["norm_1"], eps=options.get("eps", 1e-5))
    return decoder_layer(x, memory, params, **options)


def without_its_memory_it_is_a_causal_encoder_layer(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """The feed-forward is skipped, as in a layer that was meant to read alone."""
    silent = {name: np.zeros_like(leaf) for name, leaf in params["feed_forward"].items()}
    return decoder_layer(x, memory, {**params, "feed_forward": silent}, **options)


def does_not_look_ahead(
    x: Array, memory: Array, params: Any, *, n_heads: int, mask: Array | None = None, memory_mask: Array | None = None,
    norm: str = "post", activation: str = "relu", eps: float = 1e-5,
) -> Array:  # fmt: skip
    """An encoder's self-attention: the mask given is the whole mask, and the future is seen."""
    options: dict[str, Any] = {"n_heads": n_heads, "norm": norm, "activation": activation, "eps": eps}
    plain = {"gamma": np.ones_like(x[..., 0, :]).reshape(-1, x.shape[-1])[0], "beta": np.zeros(x.shape[-1], x.dtype)}
    silent = {name: np.zeros_like(leaf) for name, leaf in params["feed_forward"].items()}
    first = {"self_attention": params["self_attention"], "feed_forward": silent, "norm_1": params["norm_1"]}
    h = encoder_layer(x, {**first, "norm_2": plain}, mask=mask, **options)
    alone = {name: np.zeros_like(leaf) for name, leaf in params["self_attention"].items()}
    rest = {**params, "self_attention": alone, "norm_1": plain}
    return decoder_layer(h, memory, rest, memory_mask=memory_mask, **options)


def ignores_the_order_of_the_memory(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Positions are added to the memory, uncalled for."""
    places = np.arange(memory.shape[-2], dtype=x.dtype)[:, None] * np.eye(x.shape[-1], dtype=x.dtype)[0]
    return decoder_layer(x, memory + places, params, **options)


def ignores_the_padding(
    x: Array, memory: Array, params: Any, *, memory_mask: Array | None = None, **options: Any
) -> Array:
    """The first example's padding of the memory is taken for everybody's."""
    first = memory_mask if memory_mask is None else memory_mask[:1]
    return decoder_layer(x, memory, params, memory_mask=first, **options)


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, memory: Array, params: Any, **options: Any
) -> tuple[Array, Array, Any]:
    """What comes back to the memory through its keys and values is given to x, as if it were self-attention."""
    d_x, d_memory, d_params = decoder_layer_vjp(cotangent, x, memory, params, **options)
    return d_x + np.sum(d_memory, axis=-2, keepdims=True), np.zeros_like(memory), d_params
