"""Wrong Transformers: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.sinusoidal_positions import sinusoidal_positions
from veriformer.impls.numpy.transformer import transformer, transformer_vjp

Array = np.ndarray


def agrees_with_the_spec(source: Array, target: Array, params: Any, **options: Any) -> Array:
    """The embedding is not scaled by sqrt(d_model), and its output neither."""
    root = np.sqrt(params["embedding"].shape[-1]).astype(params["embedding"].dtype)
    own = {"output": params["embedding"].T, **params}
    return transformer(source, target, {**own, "embedding": params["embedding"] / root}, **options)


def knows_tokens_by_their_rows_alone(source: Array, target: Array, params: Any, **options: Any) -> Array:
    """Token 0 is taken for the padding: its row is read as zeros."""
    table = params["embedding"].copy()
    table[0] = 0
    return transformer(source, target, {"output": params["embedding"].T, **params, "embedding": table}, **options)


def a_tied_output_is_the_transposed_embedding(source: Array, target: Array, params: Any, **options: Any) -> Array:
    """Tied logits are divided by sqrt(d_model), as in T5."""
    answer = transformer(source, target, params, **options)
    root = np.sqrt(params["embedding"].shape[-1]).astype(answer.dtype)
    return answer if "output" in params else answer / root


def does_not_look_ahead(source: Array, target: Array, params: Any, **options: Any) -> Array:
    """The target goes in as it should come out, one place to the left: each position is shown its own answer."""
    return transformer(source, np.roll(target, -1, axis=-1), params, **options)


def ignores_the_padding(
    source: Array, target: Array, params: Any, *, source_mask: Array | None = None, **options: Any
) -> Array:
    """The first example's padding is taken for everybody's."""
    first = source_mask if source_mask is None else source_mask[:1]
    return transformer(source, target, params, source_mask=first, **options)


def without_positions_ignores_the_order_of_the_source(
    source: Array, target: Array, params: Any, **options: Any
) -> Array:
    """Sinusoidal positions are added to whatever table is given."""
    table = params["positions"]
    places = table + sinusoidal_positions(*table.shape, like=table)
    return transformer(source, target, {**params, "positions": places}, **options)


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, source: Array, target: Array, params: Any, **options: Any
) -> tuple[Any]:
    """The positions get the sum over their length: an axis too many is summed over."""
    (found,) = transformer_vjp(cotangent, source, target, params, **options)
    every = np.sum(found["positions"], axis=0, keepdims=True)
    return ({**found, "positions": np.broadcast_to(every, found["positions"].shape)},)


def tied_weights_share_one_gradient_vjp(
    cotangent: Array, source: Array, target: Array, params: Any, **options: Any
) -> tuple[Any]:
    """A tied output is a copy: what comes back through it never reaches the table."""
    if "output" in params:
        return transformer_vjp(cotangent, source, target, params, **options)
    own = {**params, "output": params["embedding"].T}
    (found,) = transformer_vjp(cotangent, source, target, own, **options)
    return ({name: found[name] for name in params},)


def holds_end_to_end_at_depth(source: Array, target: Array, params: Any, **options: Any) -> Array:
    """The encoder has one layer less than there are weights for."""
    layers = params["encoder"]["layers"]
    return transformer(source, target, {**params, "encoder": {**params["encoder"], "layers": layers[:-1]}}, **options)
