"""The encoder, and its gradients, in NumPy: its layers one after the other, and a last norm if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.encoder_layer import encoder_layer, encoder_layer_vjp
from veriformer.impls.numpy.layer_norm import layer_norm, layer_norm_vjp


def encoder(
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
    """layer_N(... layer_1(x)), then the final norm; x (..., L, d_model) -> like x.

    params: `layers`, a list of what `encoder_layer` takes, and optionally `final_norm` with `gamma` and `beta`.
    keep: {"layers": [the masks of each layer, or None, ...]}, by which what its sub-layers answer is dropped.
    """
    options: dict[str, Any] = {"activation": activation, "eps": eps, "rate": rate}
    for layer, own in zip(params["layers"], domain.masks_of_layers(keep, len(params["layers"])), strict=True):
        x = encoder_layer(x, layer, n_heads=n_heads, mask=mask, norm=norm, keep=own, **options)
    if "final_norm" in params:
        x = layer_norm(x, params["final_norm"]["gamma"], params["final_norm"]["beta"], eps=eps)
    return x


def encoder_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    params: Mapping[str, Any],
    *,
    eps: float = 1e-5,
    keep: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[np.ndarray, dict[str, Any]]:
    """The gradients for x and every parameter: the inputs of all layers are kept, then it goes back from the last.

    options: those of `encoder`.
    """
    inputs, masks = [x], domain.masks_of_layers(keep, len(params["layers"]))
    for layer, own in zip(params["layers"], masks, strict=True):
        inputs.append(encoder_layer(inputs[-1], layer, eps=eps, keep=own, **options))
    found: dict[str, Any] = {"layers": []}
    if "final_norm" in params:
        scale = params["final_norm"]
        cotangent, d_gamma, d_beta = layer_norm_vjp(cotangent, inputs[-1], scale["gamma"], scale["beta"], eps=eps)
        found["final_norm"] = {"gamma": d_gamma, "beta": d_beta}
    for layer, entered, own in reversed(list(zip(params["layers"], inputs[:-1], masks, strict=True))):
        cotangent, d_layer = encoder_layer_vjp(cotangent, entered, layer, eps=eps, keep=own, **options)
        found["layers"].insert(0, d_layer)
    return cotangent, {name: found[name] for name in params}
