"""encoder: layers one above the other, and a last norm where the layers norm their inputs."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require
from veriformer.spec.encoder_layer import ACTIVATION, NORM, encoder_layer, masks
from veriformer.spec.layer_norm import EPS, layer_norm
from veriformer.spec.visibility import BEHIND_MASK, FULLY_MASKED


@component(
    source="Vaswani et al. 2017, section 3.1; final norm: Xiong et al. 2020",
    honest=(Honest("honest layers, one after the other", "see encoder_layer"),),
    conventions=(FULLY_MASKED, BEHIND_MASK, NORM, ACTIVATION, EPS),
)
def encoder(
    x: Any,
    params: dict[str, Any],
    *,
    n_heads: int,
    mask: Any = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Any = None,
    rate: float = 0.0,
    fully_masked: str = "zero",
    behind_mask: str = "propagates",
) -> Any:
    """encoder(x) = layer_N(... layer_1(x) ...), followed by final_norm if params has one.

    x (..., L, d_model). params: {"layers": [encoder_layer params, ...], "final_norm": optional {gamma, beta}}.
    keep: {"layers": [the masks of each layer's dropout, or None, ...]}.
    Corners: no layers return x, or its final norm.
    Raises what its layers raise.
    """
    options = {"n_heads": n_heads, "mask": mask, "norm": norm, "activation": activation, "eps": eps, "rate": rate}
    options |= {"fully_masked": fully_masked, "behind_mask": behind_mask}
    for layer, own in zip(params["layers"], of_layers(keep, len(params["layers"])), strict=True):
        x = encoder_layer(x, layer, keep=own, **options)
    return layer_norm(x, **params["final_norm"], eps=eps) if "final_norm" in params else x


def of_layers(keep: dict[str, Any] | None, number: int) -> list[Any]:
    """What each layer is dropped by; None where nothing is."""
    (layers,) = masks(keep, "layers")
    require(layers is None or len(layers) == number, f"keep['layers']: wanted one for each of {number} layers")
    return [None] * number if layers is None else list(layers)
