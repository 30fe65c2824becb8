"""attention: each query takes the mean of the values, weighted by how well it matches their keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.apply_dropout import checked, thinned
from veriformer.spec.bounds import attention as bound
from veriformer.spec.component import Honest, component, largest, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part
from veriformer.spec.softmax import hidden
from veriformer.spec.softmax import weights as softmax_of
from veriformer.spec.visibility import BEHIND_MASK, CAUSAL_ALIGNMENT, FULLY_MASKED, visible, without_unseen

Dropout = tuple[np.ndarray, float] | None
"""Which weights are kept, and the rate at which the others were dropped."""
weights = softmax_of.function
"""The softmax inside: its slips are declared here, in the words of attention."""


def scores(q: Any, k: Any, scale: Any, bias: Any = None) -> Any:
    """scale q k^T + bias."""
    products = q @ transposed(k) * scale
    return products if bias is None else products + bias


@Part
@bounded_by(bound.forward, bound.backward)
def weighted_values(
    q: Any,
    k: Any,
    v: Any,
    *,
    scale: Any,
    bias: Any = None,
    mask: Any = None,
    fully_masked: str = "zero",
    dropout: Dropout = None,
) -> Any:
    """D(softmax(scale q k^T + bias)) v, D the dropout, if there is one."""
    return dropped(weights(scores(q, k, scale, bias), mask=mask, fully_masked=fully_masked), dropout) @ v


def dropped(p: Any, dropout: Dropout) -> Any:
    """The weights that are kept, enlarged."""
    return p if dropout is None else thinned(p, *dropout)


@Part
def default_scale(q: Any) -> Any:
    """1 / sqrt(d_k)."""
    return 1 / np.sqrt(number(q.shape[-1], like=q))


@Part
def for_query_heads(x: Any, q: Any) -> Any:
    """Keys or values repeated so that each query head finds its own (grouped and multi-query heads)."""
    if not are_grouped(x, q):
        return x
    require(q.shape[-3] % x.shape[-3] == 0, f"{q.shape[-3]} query heads cannot share {x.shape[-3]} key heads equally")
    return np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3)


def are_grouped(x: Any, q: Any) -> bool:
    """Fewer key heads than query heads, and more than one."""
    return x.ndim >= 3 and q.ndim >= 3 and x.shape[-3] not in (1, q.shape[-3]) and q.shape[-3] != 1


@component(
    source="Vaswani et al. 2017, section 3.2.1, equation 1",
    honest=(
        Honest("scale on q, on k, its square root on both, or on the scores", "torch scaled_dot_product_attention"),
        Honest("a bias added to the scores, or taken as the beginning of their sums", "torch.baddbmm"),
        Honest("divide by the sum before or after the product with v", "Dao et al. 2022, algorithm 1"),
        Honest("exp2 with log2(e) folded into the scale", "FlashAttention-2, Dao 2023"),
        Honest("online softmax in tiles of any size", "Milakov & Gimelshein 2018; Rabe & Staats 2021"),
        Honest("backward with D = rowsum(dO * O)", "Dao et al. 2022, equation 4"),
        Honest("backward with p = exp(s - logsumexp), the logsumexp stored", "Dao et al. 2022, algorithm 4"),
        Honest(
            "dropout's factor on the weights, or after the product with v; on ds, or at the end", "FlashAttention-2"
        ),
    ),
    conventions=(FULLY_MASKED, CAUSAL_ALIGNMENT, BEHIND_MASK),
    scale=lambda q, k, v, **_: largest(v),
)
def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    keep: Any = None,
    rate: float = 0.0,
    fully_masked: str = "zero",
    causal_alignment: str = "top_left",
    behind_mask: str = "propagates",
) -> Any:
    """Attention(q, k, v) = softmax(q k^T / sqrt(d_k)) v.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v); a head axis, if any, just before the length. With H_q heads
    in q and H_k in k and v, query head h uses key head h // (H_q / H_k). mask (..., L_q, L_k), boolean, True = may
    attend: a masked key is removed with its value. bias: added to the scores. scale: in place of 1 / sqrt(d_k).
    keep (..., L_q, L_k), boolean, of the shape of the scores, heads included: dropout of the weights with a mask that was
    drawn. After the softmax a weight is 0 where keep is false and p / (1 - rate) where it is true: a row no longer sums to 1.
    Without keep nothing is dropped, whatever the rate; rate 1 drops everything.
    Corners: one allowed key returns its value. A bias of minus infinity hides a key, as a mask does; nan in a query makes its
    row of the answer nan. A query without allowed key: convention `fully_masked`. causal with
    L_q != L_k: convention `causal_alignment`. nan or infinity in a key or value that no query sees: `behind_mask`.
    Raises ValueError when widths, lengths or numbers of heads do not fit, for a keep of another shape, which one mask for
    all heads has, and for a rate outside [0, 1].
    """
    require(q.shape[-1] == k.shape[-1], f"q and k must be equally wide: {q.shape[-1]} and {k.shape[-1]}")
    require(k.shape[-2] == v.shape[-2], f"every key needs a value: {k.shape[-2]} keys, {v.shape[-2]} values")
    k, v = (for_query_heads(x, q) for x in (k, v))
    allowed = visible(
        q.shape[-2], k.shape[-2], mask=mask, causal=causal, window=window, causal_alignment=causal_alignment
    )
    if behind_mask == "ignored":
        k, v = (without_unseen(x, allowed, fully_masked) for x in (k, v))
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    dropout = None if keep is None else (checked(keep, (*batch, q.shape[-2], k.shape[-2]), rate), rate)
    factor = default_scale(q) if scale is None else number(scale, like=q)
    return weighted_values(q, k, v, scale=factor, bias=bias, mask=allowed, fully_masked=fully_masked, dropout=dropout)


@default_scale.slip("scores that are not scaled")
def no_scale(q: Any) -> Any:
    return number(1, like=q)


@default_scale.slip("the scale 1/d_k, applied twice")
def scaled_twice(q: Any) -> Any:
    return 1 / number(q.shape[-1], like=q)


@default_scale.slip("the scale 1/sqrt(d_model), with the width of all heads together")
def scaled_by_d_model(q: Any) -> Any:
    heads = q.shape[-3] if q.ndim > 2 else 1
    return 1 / np.sqrt(number(heads * q.shape[-1], like=q))


@default_scale.slip("the scale sqrt(d_k), multiplied where it divides")
def scaled_up(q: Any) -> Any:
    return np.sqrt(number(q.shape[-1], like=q))


@weighted_values.slip("the softmax over the queries")
def softmax_over_queries(
    q: Any, k: Any, v: Any, *, scale: Any, bias: Any = None, mask: Any = None, dropout: Dropout = None, **more: Any
) -> Any:
    s = scores(q, k, scale, bias)
    turned = None if mask is None else transposed(np.broadcast_to(mask, s.shape))
    return dropped(transposed(weights(transposed(s), mask=turned, **more)), dropout) @ v


@weighted_values.slip("the softmax over the heads")
def softmax_over_heads(
    q: Any, k: Any, v: Any, *, scale: Any, bias: Any = None, mask: Any = None, dropout: Dropout = None, **more: Any
) -> Any:
    s = scores(q, k, scale, bias)
    if s.ndim < 3:
        return dropped(weights(s, mask=mask, **more), dropout) @ v
    moved = None if mask is None else np.moveaxis(np.broadcast_to(mask, s.shape), -3, -1)
    return dropped(np.moveaxis(weights(np.moveaxis(s, -3, -1), mask=moved, **more), -1, -3), dropout) @ v


@weighted_values.slip("the mask applied after the softmax")
def mask_after_softmax(
    q: Any, k: Any, v: Any, *, scale: Any, bias: Any = None, mask: Any = None, dropout: Dropout = None, **more: Any
) -> Any:
    p = weights(scores(q, k, scale, bias))
    return dropped(p if mask is None else hidden(p, mask), dropout) @ v


@weighted_values.slip("the mask multiplied to the scores")
def mask_multiplies_scores(
    q: Any, k: Any, v: Any, *, scale: Any, bias: Any = None, mask: Any = None, dropout: Dropout = None, **more: Any
) -> Any:
    s = scores(q, k, scale, bias)
    return dropped(weights(s if mask is None else s * np.broadcast_to(mask, s.shape).astype(int)), dropout) @ v


@for_query_heads.slip("key heads tiled over the query heads where they are to be repeated")
def grouped_heads_tiled(x: Any, q: Any) -> Any:
    return x[..., np.arange(q.shape[-3]) % x.shape[-3], :, :] if are_grouped(x, q) else x


@attention.slip("keys and values exchanged")
def keys_and_values_exchanged(q: Any, k: Any, v: Any, **options: Any) -> Any:
    return attention(q, v, k, **options)


@attention.slip("queries and keys exchanged")
def queries_and_keys_exchanged(q: Any, k: Any, v: Any, **options: Any) -> Any:
    return attention(k, q, v, **options)


@attention.slip("masks tiled over the heads where they are to be repeated")
def masks_tiled(q: Any, k: Any, v: Any, *, mask: Any = None, **options: Any) -> Any:
    """(B, 1, L_q, L_k) repeated as (h B, L_q, L_k) in place of (B h, L_q, L_k): row n gets the mask of example n mod B."""
    if mask is not None and np.ndim(mask) == q.ndim == 4 and mask.shape[1] == 1:
        examples, heads = q.shape[:2]
        mask = np.asarray(mask)[np.arange(examples * heads).reshape(examples, heads) % mask.shape[0], 0]
    return attention(q, k, v, mask=mask, **options)


@attention.slip("the mask of the first head's dropout for all heads")
def one_dropout_for_all_heads(q: Any, k: Any, v: Any, *, keep: Any = None, **options: Any) -> Any:
    shared = None if keep is None else np.asarray(keep)
    if shared is not None and shared.ndim > 2:
        shared = np.broadcast_to(shared[..., :1, :, :], shared.shape)
    return attention(q, k, v, keep=shared, **options)


@attention.slip("dropout before the softmax: what is kept shares all of the weight")
def dropped_before_softmax(
    q: Any, k: Any, v: Any, *, mask: Any = None, keep: Any = None, rate: float = 0.0, **options: Any
) -> Any:
    if keep is None:
        return attention(q, k, v, mask=mask, **options)
    answer = attention(q, k, v, mask=keep if mask is None else np.asarray(mask) & keep, **options)
    return answer * (number(0, like=v) if rate == 1 else 1 / (1 - number(rate, like=v)))
