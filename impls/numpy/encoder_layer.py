"""One layer of the encoder in NumPy: self-attention and feed-forward, each with its residual and its norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.impls.numpy.feed_forward import feed_forward
from veriformer.impls.numpy.layer_norm import layer_norm
from veriformer.impls.numpy.multi_head_attention import multi_head_attention
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
) -> np.ndarray:
    """Post-norm: x <- norm(x + sublayer(x)). Pre-norm: x <- x + sublayer(norm(x)). x (..., L, d_model) -> like x.

    The sub-layers are self-attention (`norm_1`) and the feed-forward network (`norm_2`).
    params: `self_attention`, `feed_forward`, `norm_1`, `norm_2`, the norms with `gamma` and `beta`.
    """

    def attend(x: np.ndarray) -> np.ndarray:
        return multi_head_attention(x, x, params["self_attention"], n_heads=n_heads, mask=mask)

    def feed(x: np.ndarray) -> np.ndarray:
        return feed_forward(x, params["feed_forward"], activation=activation)

    def norm_1(x: np.ndarray) -> np.ndarray:
        return layer_norm(x, params["norm_1"]["gamma"], params["norm_1"]["beta"], eps=eps)

    def norm_2(x: np.ndarray) -> np.ndarray:
        return layer_norm(x, params["norm_2"]["gamma"], params["norm_2"]["beta"], eps=eps)

    if norm == "pre":
        x = residual(x, attend(norm_1(x)))
        return residual(x, feed(norm_2(x)))
    x = norm_1(residual(x, attend(x)))
    return norm_2(residual(x, feed(x)))
