"""One layer of the encoder, and its gradients, in NumPy: self-attention and feed-forward, each with residual and norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.apply_dropout import thinned
from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp
from veriformer.impls.numpy.layer_norm import layer_norm, layer_norm_vjp
from veriformer.impls.numpy.multi_head_attention import multi_head_attention, multi_head_attention_vjp
from veriformer.impls.numpy.residual import residual


def encoder_layer(
    x: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> np.ndarray:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are self-attention (`norm_1`) and the feed-forward network (`norm_2`).
    params: `self_attention`, `feed_forward`, `norm_1`, `norm_2`, the norms with `gamma` and `beta`.
    keep: masks of x's shape by which the outputs of `self_attention` and `feed_forward` are dropped; a name may be missing.
    """

    def attend(x: np.ndarray) -> np.ndarray:
        return multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask)

    def feed(x: np.ndarray) -> np.ndarray:
        return feed_forward(x, params["feed_forward"], activation=activation)

    kept_1, kept_2 = domain.masks(keep, "self_attention", "feed_forward")
    h = block(x, thinning(attend, kept_1, rate), params["norm_1"], norm, eps)
    return block(h, thinning(feed, kept_2, rate), params["norm_2"], norm, eps)


def encoder_layer_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> tuple[np.ndarray, dict[str, Any]]:
    """The gradients for x and every parameter: back through the feed-forward's block, then through the attention's."""

    def attend(y: np.ndarray) -> np.ndarray:
        return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask)

    def attend_back(g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Any]:
        d_x, d_memory, d_attention = multi_head_attention_vjp(
            g, y, y, params["self_attention"], n_heads=n_heads, mask=mask
        )
        return d_x + d_memory, d_attention

    def feed(y: np.ndarray) -> np.ndarray:
        return feed_forward(y, params["feed_forward"], activation=activation)

    def feed_back(g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Any]:
        return feed_forward_vjp(g, y, params["feed_forward"], activation=activation)

    first, second = params["norm_1"], params["norm_2"]
    kept_1, kept_2 = domain.masks(keep, "self_attention", "feed_forward")
    attending, attending_back = thinning(attend, kept_1, rate), thinning_back(attend_back, kept_1, rate)
    feeding, feeding_back = thinning(feed, kept_2, rate), thinning_back(feed_back, kept_2, rate)
    h = block(x, attending, first, norm, eps)
    d_h, d_feed, d_second = block_vjp(cotangent, h, feeding, feeding_back, second, norm, eps)
    d_x, d_attention, d_first = block_vjp(d_h, x, attending, attending_back, first, norm, eps)
    found = {"self_attention": d_attention, "feed_forward": d_feed, "norm_1": d_first, "norm_2": d_second}
    return d_x, {name: found[name] for name in params}


SubLayer = Callable[[np.ndarray], np.ndarray]
SubLayerBack = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Any]]
"""(cotangent, input) -> the gradients for the input and for the sub-layer's own parameters."""


def thinning(sublayer: SubLayer, keep: np.ndarray | None, rate: float) -> SubLayer:
    """The sub-layer with dropout of what it answers."""
    return lambda y: thinned(sublayer(y), keep, rate)


def thinning_back(sublayer_back: SubLayerBack, keep: np.ndarray | None, rate: float) -> SubLayerBack:
    """Its gradients: dropout is linear and diagonal, so the cotangent goes through the same mask first."""
    return lambda g, y: sublayer_back(thinned(g, keep, rate), y)


def block(x: np.ndarray, sublayer: SubLayer, scale: Mapping[str, np.ndarray], norm: str, eps: float) -> np.ndarray:
    """A sub-layer with its residual and its norm."""
    if norm == "pre":
        return residual(x, sublayer(layer_norm(x, scale["gamma"], scale["beta"], eps=eps)))
    return layer_norm(residual(x, sublayer(x)), scale["gamma"], scale["beta"], eps=eps)


def block_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    sublayer: SubLayer,
    sublayer_back: SubLayerBack,
    scale: Mapping[str, np.ndarray],
    norm: str,
    eps: float,
) -> tuple[np.ndarray, Any, dict[str, np.ndarray]]:
    """The gradients for x, for the sub-layer's parameters, and for the norm's, where g is the cotangent.

    Post-norm, y = norm(x + f(x)): with s = norm'^T g the gradient is s + f'^T s.
    Pre-norm, y = x + f(norm(x)): the gradient is g + norm'^T f'^T g. The 1 in it is why deep stacks can be trained.
    """
    gamma, beta = scale["gamma"], scale["beta"]
    if norm == "pre":
        d_normed, d_own = sublayer_back(cotangent, layer_norm(x, gamma, beta, eps=eps))
        d_x, d_gamma, d_beta = layer_norm_vjp(d_normed, x, gamma, beta, eps=eps)
        d_x = cotangent + d_x
    else:
        d_sum, d_gamma, d_beta = layer_norm_vjp(cotangent, residual(x, sublayer(x)), gamma, beta, eps=eps)
        d_through, d_own = sublayer_back(d_sum, x)
        d_x = d_sum + d_through
    return d_x, d_own, {"gamma": d_gamma, "beta": d_beta}
