"""Wrong decoders: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.decoder import decoder

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
    """A statistic over all positions is taken off, those to come too."""
    answer = decoder(x, memory, params, **options)
    return answer - np.mean(answer, axis=-2, keepdims=True)


def ignores_the_order_of_the_memory(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Layers walk up the memory together with their input: position i reads what stands beside it first."""
    beside = np.zeros_like(x)
    shared = min(x.shape[-2], memory.shape[-2])
    beside[..., :shared, :] = memory[..., :shared, :]
    return decoder(x + beside, memory, params, **options)


def ignores_the_padding(x: Array, memory: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """The memory is normed over all of its positions, those in the padding too."""
    return decoder(x, memory - np.mean(memory, axis=-2, keepdims=True), params, mask=mask, **options)
