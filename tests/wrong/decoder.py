"""Wrong decoders: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.decoder import decoder, decoder_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """The last norm is forgotten."""
    return decoder(x, memory, {"layers": params["layers"]}, **options)


def idle_layers_are_the_identity(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """A last norm is always there, of gain 1 where no weights for it are given."""
    plain = {"gamma": np.ones(x.shape[-1], x.dtype), "beta": np.zeros(x.shape[-1], x.dtype)}
    return decoder(x, memory, {"final_norm": plain, **params}, **options)


def one_layer_is_that_layer(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Half of what went in is added at the end, as if the stack had a residual connection of its own."""
    return x / 2 + decoder(x, memory, params, **options)


def each_layer_continues_from_its_prefix(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Every layer starts again from x: only the last one counts."""
    return decoder(x, memory, {**params, "layers": params["layers"][-1:]}, **options)


def does_not_look_ahead(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """The mean over all positions is taken off, those to come too."""
    answer = decoder(x, memory, params, **options)
    return answer - np.mean(answer, axis=-2, keepdims=True)


def ignores_the_order_of_the_memory(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Positions are added to the memory, uncalled for."""
    places = np.arange(memory.shape[-2], dtype=x.dtype)[:, None] * np.eye(x.shape[-1], dtype=x.dtype)[0]
    return decoder(x, memory + places, params, **options)


def ignores_the_padding(x: Array, memory: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """The memory is centred over all of its positions, those in the padding too."""
    return decoder(x, memory - np.mean(memory, axis=-2, keepdims=True), params, mask=mask, **options)


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, memory: Array, params: Any, **options: Any
) -> tuple[Array, Array, Any]:
    """The memory gets the gradient of one layer alone: each overwrites what the layer above it gave."""
    d_x, _, d_params = decoder_vjp(cotangent, x, memory, params, **options)
    first = {"layers": params["layers"][:1]}
    return d_x, decoder_vjp(d_x, x, memory, first, **options)[1], d_params


def holds_end_to_end_at_depth(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """The last layer has the weights of the one before it."""
    layers = params["layers"]
    return decoder(x, memory, {**params, "layers": [*layers[:-1], *layers[-2:-1]]}, **options)
