"""Wrong encoders: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder import encoder, encoder_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, params: Any, **options: Any) -> Array:
    """The last norm is forgotten."""
    return encoder(x, {"layers": params["layers"]}, **options)


def idle_layers_are_the_identity(x: Array, params: Any, **options: Any) -> Array:
    """A last norm is always there, of gain 1 where no weights for it are given."""
    plain = {"gamma": np.ones_like(x[0, ..., :].reshape(-1, x.shape[-1])[0]), "beta": np.zeros(x.shape[-1], x.dtype)}
    return encoder(x, {"final_norm": plain, **params}, **options)


def each_layer_continues_from_its_prefix(x: Array, params: Any, **options: Any) -> Array:
    """Every layer starts again from x: only the last one counts."""
    return encoder(x, {**params, "layers": params["layers"][-1:]}, **options)


def is_permutation_equivariant(x: Array, params: Any, **options: Any) -> Array:
    """Positions are added, uncalled for."""
    places = np.arange(x.shape[-2], dtype=x.dtype)[:, None] * np.eye(x.shape[-1], dtype=x.dtype)[0]
    return encoder(x + places, params, **options)


def sees_the_order_with_positions(x: Array, params: Any, **options: Any) -> Array:
    """Pooled: every position answers the mean of all."""
    answer = encoder(x, params, **options)
    return np.broadcast_to(np.mean(answer, axis=-2, keepdims=True), answer.shape)


def ignores_the_padding(x: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """The first example's padding is taken for everybody's."""
    return encoder(x, params, mask=mask if mask is None else mask[:1], **options)


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, params: Any, **options: Any) -> tuple[Array, Any]:
    """The gradients of the layers come back in the order in which they were found, the last layer's first."""
    d_x, d_params = encoder_vjp(cotangent, x, params, **options)
    return d_x + cotangent, {**d_params, "layers": d_params["layers"][::-1]}


def holds_end_to_end_at_depth(x: Array, params: Any, **options: Any) -> Array:
    """In the third layer the variance is divided by n - 1."""
    layers = [_unbiased(layer) if i == 2 else layer for i, layer in enumerate(params["layers"])]
    return encoder(x, {**params, "layers": layers}, **options)


def _unbiased(layer: Any) -> Any:
    """The layer with gains that do what the other divisor does to its norms, but for eps."""
    n = layer["norm_1"]["gamma"].shape[-1]
    share = np.sqrt((n - 1) / n).astype(layer["norm_1"]["gamma"].dtype)
    norms = {name: {**layer[name], "gamma": layer[name]["gamma"] * share} for name in ("norm_1", "norm_2")}
    return {**layer, **norms}
