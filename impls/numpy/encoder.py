"""The encoder in NumPy: its layers one after the other, and a last norm if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder_layer import encoder_layer
from veriformer.impls.numpy.layer_norm import layer_norm


def encoder(
    x: np.ndarray,
    params: Mapping[str, Any],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
) -> np.ndarray:
    """layer_N(... layer_1(x)), then the final norm; x (..., L, d_model) -> like x.

    params: `layers`, a list of what `encoder_layer` takes, and optionally `final_norm` with `gamma` and `beta`.
    """
    for layer in params["layers"]:
        x = encoder_layer(x, layer, n_heads=n_heads, mask=mask, norm=norm, activation=activation, eps=eps)
    if "final_norm" in params:
        x = layer_norm(x, params["final_norm"]["gamma"], params["final_norm"]["beta"], eps=eps)
    return x
