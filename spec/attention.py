"""attention: each query takes the mean of the values, weighted by how well it matches their keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import attention as bound
from veriformer.spec.component import Honest, component, largest, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.softmax import weights
from veriformer.spec.visibility import CAUSAL_ALIGNMENT, FULLY_MASKED, visible


@bounded_by(bound.forward, bound.backward)
def weighted_values(
    q: Any, k: Any, v: Any, *, scale: Any, bias: Any = None, mask: Any = None, fully_masked: str = "zero"
) -> Any:
    """softmax(scale q k^T + bias) v."""
    scores = q @ np.swapaxes(k, -1, -2) * scale
    if bias is not None:
        scores = scores + bias
    return weights(scores, mask=mask, fully_masked=fully_masked) @ v


@component(
    source="Vaswani et al. 2017, section 3.2.1, equation 1",
    honest=(
        Honest("scale on q, on k, its square root on both, or on the scores", "torch scaled_dot_product_attention"),
        Honest("divide by the sum before or after the product with v", "Dao et al. 2022, algorithm 1"),
        Honest("exp2 with log2(e) folded into the scale", "FlashAttention-2, Dao 2023"),
        Honest("online softmax in tiles of any size", "Milakov & Gimelshein 2018; Rabe & Staats 2021"),
        Honest("backward with D = rowsum(dO * O)", "Dao et al. 2022, equation 4"),
        Honest("backward with p = exp(s - logsumexp), the logsumexp stored", "Dao et al. 2022, algorithm 4"),
    ),
    conventions=(FULLY_MASKED, CAUSAL_ALIGNMENT),
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
    fully_masked: str = "zero",
    causal_alignment: str = "top_left",
) -> Any:
    """Attention(q, k, v) = softmax(q k^T / sqrt(d_k)) v.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v); a head axis, if any, just before the length. With H_q heads
    in q and H_k in k and v, query head h uses key head h // (H_q / H_k). mask (..., L_q, L_k), boolean, True = may
    attend: a masked key is removed with its value. bias: added to the scores. scale: in place of 1 / sqrt(d_k).
    Corners: one allowed key returns its value. A query without allowed key: convention `fully_masked`. causal with
    L_q != L_k: convention `causal_alignment`.
    Raises ValueError when widths, lengths or numbers of heads do not fit.
    """
    require(q.shape[-1] == k.shape[-1], f"q and k must be equally wide: {q.shape[-1]} and {k.shape[-1]}")
    require(k.shape[-2] == v.shape[-2], f"every key needs a value: {k.shape[-2]} keys, {v.shape[-2]} values")
    k, v = (for_query_heads(x, q) for x in (k, v))
    allowed = visible(
        q.shape[-2], k.shape[-2], mask=mask, causal=causal, window=window, causal_alignment=causal_alignment
    )
    factor = 1 / np.sqrt(number(q.shape[-1], like=q)) if scale is None else number(scale, like=q)
    return weighted_values(q, k, v, scale=factor, bias=bias, mask=allowed, fully_masked=fully_masked)


def for_query_heads(x: Any, q: Any) -> Any:
    """Keys or values repeated so that each query head finds its own (grouped and multi-query heads)."""
    if x.ndim < 3 or q.ndim < 3 or x.shape[-3] in (1, q.shape[-3]) or q.shape[-3] == 1:
        return x
    require(q.shape[-3] % x.shape[-3] == 0, f"{q.shape[-3]} query heads cannot share {x.shape[-3]} key heads equally")
    return np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3)
