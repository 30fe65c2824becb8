"""decoder_layer: self-attention on the past, attention on a memory, then feed-forward, each with a residual and a norm."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require
from veriformer.spec.encoder_layer import ACTIVATION, NORM, Map, around, masks, with_dropout
from veriformer.spec.feed_forward import feed_forward
from veriformer.spec.layer_norm import EPS, layer_norm
from veriformer.spec.multi_head_attention import multi_head_attention
from veriformer.spec.visibility import BEHIND_MASK, FULLY_MASKED


@component(
    source="Vaswani et al. 2017, section 3.1 and figure 1; pre-norm: Xiong et al. 2020",
    honest=(Honest("the honest algorithms of its parts, one after the other", "see each part"),),
    conventions=(FULLY_MASKED, BEHIND_MASK, NORM, ACTIVATION, EPS),
)
def decoder_layer(
    x: Any,
    memory: Any,
    params: dict[str, Any],
    *,
    n_heads: int,
    mask: Any = None,
    memory_mask: Any = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Any = None,
    rate: float = 0.0,
    fully_masked: str = "zero",
    behind_mask: str = "propagates",
) -> Any:
    """post: h = norm_1(x + self_attention(x)), z = norm_2(h + cross_attention(h, memory)), y = norm_3(z + feed_forward(z)).
    pre: h = x + self_attention(norm_1(x)), z = h + cross_attention(norm_2(h), memory), y = z + feed_forward(norm_3(z)).

    x (..., L, d_model), memory (..., L_memory, d_model). params: self_attention and cross_attention (see
    multi_head_attention), feed_forward, norm_1, norm_2, norm_3 (gamma, beta). Position i sees positions j <= i of x that
    mask (..., [n_heads,] L, L) allows, and every position of the memory that memory_mask (..., [n_heads,] L, L_memory)
    allows; both boolean, True = may attend. No layer norms the memory: who made it did. keep: masks (..., L, d_model) by
    which the outputs of self_attention, cross_attention and feed_forward are dropped, at a rate, before the residual.
    Raises ValueError for another norm than "post" or "pre".
    """
    require(norm in ("post", "pre"), f'norm {norm!r}: "post" (the paper) or "pre"')
    heads: dict[str, Any] = {"n_heads": n_heads, "fully_masked": fully_masked, "behind_mask": behind_mask}

    def attend(y: Any) -> Any:
        return multi_head_attention(y, y, params["self_attention"], mask=mask, causal=True, **heads)

    def consult(y: Any) -> Any:
        return multi_head_attention(y, memory, params["cross_attention"], mask=memory_mask, **heads)

    def feed(y: Any) -> Any:
        return feed_forward(y, params["feed_forward"], activation=activation)

    def normalised_by(name: str) -> Map:
        return lambda y: layer_norm(y, **params[name], eps=eps)

    kept_1, kept_2, kept_3 = masks(keep, "self_attention", "cross_attention", "feed_forward")
    h = around(x, with_dropout(attend, kept_1, rate), normalised_by("norm_1"), norm)
    z = around(h, with_dropout(consult, kept_2, rate), normalised_by("norm_2"), norm)
    return around(z, with_dropout(feed, kept_3, rate), normalised_by("norm_3"), norm)


@decoder_layer.slip("the whole memory seen, padding too")
def memory_mask_ignored(x: Any, memory: Any, params: dict[str, Any], **options: Any) -> Any:
    return decoder_layer(x, memory, params, **{**options, "memory_mask": None})


@decoder_layer.slip("the norms of self- and cross-attention exchanged")
def norms_of_attentions_exchanged(x: Any, memory: Any, params: dict[str, Any], **options: Any) -> Any:
    return decoder_layer(x, memory, {**params, "norm_1": params["norm_2"], "norm_2": params["norm_1"]}, **options)


@decoder_layer.slip("the weights of self- and cross-attention exchanged")
def attentions_exchanged(x: Any, memory: Any, params: dict[str, Any], **options: Any) -> Any:
    exchanged = {"self_attention": params["cross_attention"], "cross_attention": params["self_attention"]}
    return decoder_layer(x, memory, {**params, **exchanged}, **options)
