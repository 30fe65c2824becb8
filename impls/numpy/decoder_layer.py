"""One layer of the decoder, and its gradients, in NumPy: causal self-attention, attention on the memory, feed-forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.encoder_layer import block, block_vjp, thinning, thinning_back
from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp
from veriformer.impls.numpy.multi_head_attention import multi_head_attention, multi_head_attention_vjp


def decoder_layer(
    x: np.ndarray,
    memory: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    memory_mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> np.ndarray:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are causal self-attention (`norm_1`), attention on the memory (`norm_2`), and feed-forward (`norm_3`).
    memory (..., L_memory, d_model) goes in as it is: no norm of this layer touches it.
    params: `self_attention`, `cross_attention`, `feed_forward`, `norm_1`, `norm_2`, `norm_3`, with `gamma` and `beta`.
    mask (..., n_heads or 1, L, L) hides more than the future does; memory_mask (..., n_heads or 1, L, L_memory).
    keep: masks of x's shape by which the outputs of the three sub-layers are dropped, by their names; one may be missing.
    """

    def attend(y: np.ndarray) -> np.ndarray:
        return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask, causal=True)

    def consult(y: np.ndarray) -> np.ndarray:
        return multi_head_attention(y, memory, params["cross_attention"], n_heads=n_heads, mask=memory_mask)

    def feed(y: np.ndarray) -> np.ndarray:
        return feed_forward(y, params["feed_forward"], activation=activation)

    kept_1, kept_2, kept_3 = domain.masks(keep, "self_attention", "cross_attention", "feed_forward")
    h = block(x, thinning(attend, kept_1, rate), params["norm_1"], norm, eps)
    z = block(h, thinning(consult, kept_2, rate), params["norm_2"], norm, eps)
    return block(z, thinning(feed, kept_3, rate), params["norm_3"], norm, eps)


def decoder_layer_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    memory: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    memory_mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    rate: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """The gradients for x, memory and every parameter: back through the three blocks, the last one first.

    The memory is met in the middle block alone, as keys and values: its gradient is what comes back there.
    """

    def attend(y: np.ndarray) -> np.ndarray:
        return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask, causal=True)

    def attend_back(g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Any]:
        own = params["self_attention"]
        d_y, d_again, d_own = multi_head_attention_vjp(g, y, y, own, n_heads=n_heads, mask=mask, causal=True)
        return d_y + d_again, d_own

    def consult(y: np.ndarray) -> np.ndarray:
        return multi_head_attention(y, memory, params["cross_attention"], n_heads=n_heads, mask=memory_mask)

    def consult_back(g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Any]:
        own = params["cross_attention"]
        d_y, d_memory, d_own = multi_head_attention_vjp(g, y, memory, own, n_heads=n_heads, mask=memory_mask)
        return d_y, (d_memory, d_own)

    def feed(y: np.ndarray) -> np.ndarray:
        return feed_forward(y, params["feed_forward"], activation=activation)

    def feed_back(g: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Any]:
        return feed_forward_vjp(g, y, params["feed_forward"], activation=activation)

    first, second, third = (params[name] for name in ("norm_1", "norm_2", "norm_3"))
    kept_1, kept_2, kept_3 = domain.masks(keep, "self_attention", "cross_attention", "feed_forward")
    attending, attending_back = thinning(attend, kept_1, rate), thinning_back(attend_back, kept_1, rate)
    consulting, consulting_back = thinning(consult, kept_2, rate), thinning_back(consult_back, kept_2, rate)
    feeding, feeding_back = thinning(feed, kept_3, rate), thinning_back(feed_back, kept_3, rate)
    h = block(x, attending, first, norm, eps)
    z = block(h, consulting, second, norm, eps)
    d_z, d_feed, d_third = block_vjp(cotangent, z, feeding, feeding_back, third, norm, eps)
    d_h, (d_memory, d_cross), d_second = block_vjp(d_z, h, consulting, consulting_back, second, norm, eps)
    d_x, d_self, d_first = block_vjp(d_h, x, attending, attending_back, first, norm, eps)
    found = {"self_attention": d_self, "cross_attention": d_cross, "feed_forward": d_feed}
    found |= {"norm_1": d_first, "norm_2": d_second, "norm_3": d_third}
    return d_x, d_memory, {name: found[name] for name in params}
