"""Wrong encoder layers: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder_layer import encoder_layer, encoder_layer_vjp
from veriformer.impls.numpy.feed_forward import feed_forward
from veriformer.impls.numpy.layer_norm import layer_norm
from veriformer.impls.numpy.multi_head_attention import multi_head_attention

Array = np.ndarray


def agrees_with_the_spec(x: Array, params: Any, *, n_heads: int, norm: str = "post", **options: Any) -> Array:
    """The two norms have changed places."""
    swapped = {**params, "norm_1": params["norm_2"], "norm_2": params["norm_1"]}
    return encoder_layer(x, swapped, n_heads=n_heads, norm=norm, **options)


def idle_pre_norm_is_the_identity(x: Array, params: Any, *, n_heads: int, norm: str = "post", **options: Any) -> Array:
    """Pre-norm, but the residual connection starts behind the norm."""
    if norm == "pre":
        x = layer_norm(x, **params["norm_1"], eps=options.get("eps", 1e-5))
    return encoder_layer(x, params, n_heads=n_heads, norm=norm, **options)


def idle_post_norm_still_normalises(
    x: Array, params: Any, *, n_heads: int, mask: Array | None = None, norm: str = "post",
    activation: str = "relu", eps: float = 1e-5,
) -> Array:  # fmt: skip
    """Post-norm, but what is normed is the sub-layer's output alone: h = x + norm(attention(x))."""
    options = {"n_heads": n_heads, "mask": mask}
    if norm == "pre":
        return encoder_layer(x, params, norm=norm, activation=activation, eps=eps, **options)
    h = x + layer_norm(multi_head_attention(x, x, params["self_attention"], **options), **params["norm_1"], eps=eps)
    fed = feed_forward(h, params["feed_forward"], activation=activation)
    return h + layer_norm(fed, **params["norm_2"], eps=eps)


def is_permutation_equivariant(x: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """A decoder's layer: nobody sees what comes later."""
    past = np.tri(x.shape[-2], dtype=bool)
    return encoder_layer(
        x, params, mask=past if mask is None else mask & past | np.eye(len(past), dtype=bool), **options
    )


def ignores_the_padding(x: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """The first example's padding is taken for everybody's."""
    return encoder_layer(x, params, mask=mask if mask is None else mask[:1], **options)


def ignores_the_order_of_hidden_units(x: Array, params: Any, **options: Any) -> Array:
    """The last hidden unit of the feed-forward is never computed."""
    p = params["feed_forward"]
    shorter = {"w_1": p["w_1"][:, :-1], "b_1": p["b_1"][:-1], "w_2": p["w_2"][:-1], "b_2": p["b_2"]}
    return encoder_layer(x, {**params, "feed_forward": shorter}, **options)


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, params: Any, **options: Any) -> tuple[Array, Any]:
    """What comes back through the residual connection is counted twice."""
    d_x, d_params = encoder_layer_vjp(cotangent, x, params, **options)
    return d_x + cotangent, d_params


def idle_pre_norm_passes_the_cotangent_vjp(
    cotangent: Array, x: Array, params: Any, **options: Any
) -> tuple[Array, Any]:
    """The residual connection is cut on the way back."""
    d_x, d_params = encoder_layer_vjp(cotangent, x, params, **options)
    return d_x - cotangent, d_params


def idle_post_norm_ignores_a_shift_of_its_rows_vjp(
    cotangent: Array, x: Array, params: Any, **options: Any
) -> tuple[Array, Any]:
    """Nothing comes back through the mean."""
    d_x, d_params = encoder_layer_vjp(cotangent, x, params, **options)
    return d_x + x.dtype.type(0.5) * cotangent, d_params
