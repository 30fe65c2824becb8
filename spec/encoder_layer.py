"""encoder_layer: self-attention, then feed-forward, each with a residual connection and a norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from veriformer.spec.apply_dropout import apply_dropout
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.feed_forward import feed_forward
from veriformer.spec.layer_norm import EPS, layer_norm
from veriformer.spec.multi_head_attention import multi_head_attention
from veriformer.spec.residual import residual
from veriformer.spec.slip import Part
from veriformer.spec.visibility import BEHIND_MASK, FULLY_MASKED

NORM = Convention(
    "norm",
    ("post", "pre"),
    "Figure 1 of the paper: after the residual connection.",
    {"post": "Vaswani et al. 2017, BERT, torch.nn.TransformerEncoderLayer", "pre": "GPT-2, ViT, norm_first=True"},
    default="post",
    option=True,
)
ACTIVATION = Convention(
    "activation",
    ("relu", "gelu"),
    "Equation 2 of the paper: ReLU.",
    {"relu": "Vaswani et al. 2017, torch.nn.TransformerEncoderLayer", "gelu": "BERT, GPT-2"},
    default="relu",
    option=True,
)

Map = Callable[[Any], Any]


@Part
def around(x: Any, sublayer: Map, normalise: Map, norm: str) -> Any:
    """A sub-layer with its residual connection and its norm: normalise(x + sublayer(x)), or x + sublayer(normalise(x))."""
    if norm == "post":
        return normalise(residual(x, sublayer(x)))
    return residual(x, sublayer(normalise(x)))


def with_dropout(sublayer: Map, keep: Any, rate: float) -> Map:
    """A sub-layer whose output is dropped by a mask, if there is one: Vaswani et al. 2017, section 5.4."""
    return sublayer if keep is None else lambda y: apply_dropout(sublayer(y), keep, rate)


def masks(keep: dict[str, Any] | None, *names: str) -> list[Any]:
    """The masks of these names; None where there is none."""
    surplus = sorted(set(keep or {}) - set(names))
    require(not surplus, f"keep holds {', '.join(map(repr, surplus))}; known here: {', '.join(map(repr, names))}")
    return [(keep or {}).get(name) for name in names]


@component(
    source="Vaswani et al. 2017, section 3.1 and figure 1; pre-norm: Xiong et al. 2020",
    honest=(Honest("the honest algorithms of its parts, one after the other", "see each part"),),
    conventions=(FULLY_MASKED, BEHIND_MASK, NORM, ACTIVATION, EPS),
)
def encoder_layer(
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
    """post: h = norm_1(x + attention(x)), y = norm_2(h + feed_forward(h)).
    pre: h = x + attention(norm_1(x)), y = h + feed_forward(norm_2(h)).

    x (..., L, d_model). params: self_attention (see multi_head_attention), feed_forward, norm_1, norm_2 (gamma, beta).
    mask (..., [n_heads,] L, L), boolean, True = may attend. keep: masks (..., L, d_model) by which the outputs of
    self_attention and feed_forward are dropped, at a rate, before the residual; a name may be missing.
    Raises ValueError for another norm than "post" or "pre".
    """
    require(norm in ("post", "pre"), f'norm {norm!r}: "post" (the paper) or "pre"')

    def attend(y: Any) -> Any:
        silent = {"fully_masked": fully_masked, "behind_mask": behind_mask}
        return multi_head_attention(y, y, params["self_attention"], n_heads=n_heads, mask=mask, **silent)

    def feed(y: Any) -> Any:
        return feed_forward(y, params["feed_forward"], activation=activation)

    def norm_1(y: Any) -> Any:
        return layer_norm(y, **params["norm_1"], eps=eps)

    def norm_2(y: Any) -> Any:
        return layer_norm(y, **params["norm_2"], eps=eps)

    kept_1, kept_2 = masks(keep, "self_attention", "feed_forward")
    h = around(x, with_dropout(attend, kept_1, rate), norm_1, norm)
    return around(h, with_dropout(feed, kept_2, rate), norm_2, norm)


@around.slip("the residual connection around sub-layer and norm, post: x + norm(sublayer(x))")
def residual_after_the_norm(x: Any, sublayer: Map, normalise: Map, norm: str) -> Any:
    return residual(x, normalise(sublayer(x))) if norm == "post" else around(x, sublayer, normalise, norm)


@around.slip("the residual connection from the normed input, pre: norm(x) + sublayer(norm(x))")
def residual_from_the_norm(x: Any, sublayer: Map, normalise: Map, norm: str) -> Any:
    normed = normalise(x)
    return residual(normed, sublayer(normed)) if norm == "pre" else around(x, sublayer, normalise, norm)


@around.slip("no norm")
def no_norm(x: Any, sublayer: Map, normalise: Map, norm: str) -> Any:
    return residual(x, sublayer(x))
