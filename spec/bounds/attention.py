"""How far an honest scaled dot-product attention may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import apply_dropout, softmax
from veriformer.spec.numbers.bounded import Bounded, Product, in_any_order, or_infinite
from veriformer.spec.numbers.number import transposed


def scores(q: Bounded, k: Bounded, scale: Any, bias: Any) -> Bounded:
    """scale q k^T + bias, however the scale comes in: on q, on k, its square root on both, or on the products.

    Each way rounds every term q_i k_i at most six times more than the products alone (two factors, two roots of the
    scale good to 2 u each): 6 u |scale| |q| |k|^T. A scaled q may be flushed where the product would not have been, and where
    factors of products are rounded to a narrower format, both may be scaled before they are. The sum of products may begin
    with the bias (torch.baddbmm, in torch.nn.functional.multi_head_attention_forward): gamma_(d_k + 1) |bias| more.
    """
    u = q.precision.step.u
    scaled, before = (q @ transposed(k)) * scale, (q * scale) @ transposed(k)
    with np.errstate(all="ignore"):
        sizes = q.size_at_most @ transposed(k.size_at_most)
        error = np.maximum(scaled.error, before.error)
        if q.precision.rounds_factors:
            root = np.sqrt(np.abs(q.lift(scale)))
            error = np.maximum(error, ((q * root) @ transposed(k * root)).error)
        error = error + 6 * u * sizes * q.lift(scale).size_at_most
    scaled = scaled.of(scaled.value, or_infinite(error))
    scaled.product = Product(q.shape[-1], sizes * q.lift(scale).size_at_most, scaled.error)
    return scaled if bias is None else scaled + bias


def weights(s: Bounded, mask: Any, *, powers: int = 1, **conventions: Any) -> Bounded:
    """The softmax of the scores. exp2 with log2(e) folded into the scale rounds s_i log2(e) and the maximum apart:
    u (|s_i| + |max|) more in the exponent than the softmax itself (FlashAttention; Dao et al. 2022).

    In a fused multiply-add only the maximum is rounded (FlashAttention, and XLA, which contracts scale and shift): the
    exponent of the largest score is then off by up to half an ulp of the maximum, and its exp2 may overflow. Such a row
    has no bound: in float32 from scores of 1.5e9 on, where such code answers nan. powers: the highest power of the sum
    of such weights that is formed; the derivative of a quotient squares it.
    """
    step = s.precision.step
    u = step.u
    allowed = np.ones(s.shape, bool) if mask is None else np.broadcast_to(mask, s.shape)
    with np.errstate(all="ignore"):
        size = np.where(allowed & np.isfinite(s.error), s.size_at_most, 0.0)
        top = size.max(-1, keepdims=True, initial=0.0)
        room = np.log2(step.largest) / powers - np.log2(max(s.shape[-1], 1)) - 1
        overflow = step.half_ulp(top * np.log2(np.e)) > room
    s = s.of(s.value, np.where(overflow, np.inf, s.error))
    return softmax.forward(s, mask=mask, log_weight_error=2 * u * (size + top), **conventions)


def forward(
    q: Bounded,
    k: Bounded,
    v: Bounded,
    *,
    scale: Any,
    bias: Any = None,
    mask: Any = None,
    dropout: Any = None,
    **conventions: Any,
) -> Bounded:
    """softmax(s) v: see `mixed`.

    Of dropout's factor 1 / (1 - rate) the same is true: on the weights, on the values, or after the product
    (FlashAttention multiplies it into the last division).
    """
    p = weights(scores(q, k, scale, bias), mask, **conventions)
    if dropout is None:
        return mixed(p, v)
    kept, share = kept_of(p, *dropout)
    return in_any_order(
        mixed(apply_dropout.forward(kept, share), v),
        mixed(kept, apply_dropout.forward(v, share)),
        apply_dropout.forward(mixed(kept, v), share),
    )


def mixed(p: Bounded, v: Bounded) -> Bounded:
    """p v. Dividing by the sum before or after the product with v, in one pass or tile by tile, permutes roundings that are
    all counted: the weights' own, gamma_n of the product, and the division's.

    After the product, product and quotient are each rounded; below the smallest normal number the one to half a step, and,
    over a sum of at least 1, to no more than that in the quotient: half the smallest number more, of which the weights'
    share knows nothing.
    """
    product = p @ v
    with np.errstate(all="ignore"):
        faintest = np.minimum(p.precision.step.half_ulp(np.zeros(())), p.size_at_most @ v.size_at_most)
        error = product.error + faintest
    return product.of(product.value, or_infinite(error))


def kept_of(p: Bounded, keep: np.ndarray, rate: float) -> tuple[Bounded, Bounded]:
    """The weights where they are kept, 0 elsewhere, and the share 1 - rate that enlarges them; at rate 1 no weight is kept.

    0 times a weight that may have overflowed may be nan: where a row has no bound its dropped weights have none.
    """
    keep = keep & (rate != 1)
    lost = np.where(np.isinf(p.error), np.inf, 0.0) if rate != 1 else 0.0
    share = p.lift(1) if rate == 1 else p.lift(1) - p.lift(rate)
    return p.of(np.where(keep, p.value, 0.0), np.where(keep, p.error, lost)), share


def backward(
    g: Bounded,
    q: Bounded,
    k: Bounded,
    v: Bounded,
    *,
    scale: Any,
    bias: Any = None,
    mask: Any = None,
    dropout: Any = None,
    **conventions: Any,
) -> tuple[Bounded, Bounded, Bounded]:
    """With p the weights, o = p v and dp = g v^T:

        dv = p^T g,   ds = p (dp - D),   dq = scale ds k,   dk = scale ds^T q.

    D is sum_j dp_j p_j or, equal in exact arithmetic, sum_c g_c o_c (FlashAttention, Dao et al. 2022, eq. 4); p may be
    recomputed from the stored logarithm of the sum. The bound admits all of it. The scale may be multiplied to ds or to
    the products: 3 u |scale| |ds| |k| more.

    With dropout the same with D(p) for p in o and dv, and D(g v^T) for dp. Its factor 1 / (1 - rate) may be left out of dp,
    o and dv, where D is then multiplied by 1 - rate, and come in at the end (FlashAttention): 4 u |D| and
    6 u |scale| |ds| |k| more.
    """
    s = scores(q, k, scale, bias)
    p = recomputed(weights(s, mask, powers=2, **conventions), s, mask)
    if dropout is None:
        dp, o = g @ transposed(v), mixed(p, v)
        dv = transposed(p) @ g
    else:
        (kept, share), (reached, _) = kept_of(p, *dropout), kept_of(g @ transposed(v), *dropout)
        dp, o = apply_dropout.forward(reached, share), mixed(apply_dropout.forward(kept, share), v)
        dv = in_any_order(
            transposed(apply_dropout.forward(kept, share)) @ g, apply_dropout.forward(transposed(kept) @ g, share)
        )
    direct = (dp * p).sum(-1, keepdims=True)
    flash = (g * o).sum(-1, keepdims=True)
    u = s.precision.step.u
    with np.errstate(all="ignore"):
        error = np.maximum(direct.error, np.abs(flash.value - direct.value) + flash.error)
        error = error if dropout is None else error + 4 * u * (np.abs(direct.value) + error)
    inner = direct.of(direct.value, or_infinite(error))
    ds = softmax.pulled(dp, p, inner, s, mask)
    roundings = 3 if dropout is None else 6
    return scaled(ds, k, scale, roundings), scaled(transposed(ds), q, scale, roundings), dv


def recomputed(p: Bounded, s: Bounded, mask: Any) -> Bounded:
    """p_i = exp(s_i - L), with L = max + log sum as the forward pass stored it (Dao et al. 2022, algorithm 4).

    The rounding of L, u (|max| + log n), the error of the logarithm and that of the sum it was taken of are common to a
    row: its weights no longer sum to one, and even a saturated row is off by

        t_i = reach_i + max reach + u (2 |s_i| + 5 max|s| + 9 log n + n + 16)   in the exponent.
    """
    u, n = s.precision.step.u, s.shape[-1]
    allowed = np.ones(s.shape, bool) if mask is None else np.broadcast_to(mask, s.shape)
    with np.errstate(all="ignore"):
        reach, size = (np.where(allowed, array, 0.0) for array in (s.reach, s.size_at_most))
        widest, top = (array.max(-1, keepdims=True, initial=0.0) for array in (reach, size))
        exponent = reach + widest + u * (2 * size + 5 * top + 9 * np.log(max(n, 1)) + n + 16)
        error = np.maximum(p.error, np.abs(p.value) * np.expm1(exponent))
    return p.of(p.value, or_infinite(error))


def scaled(ds: Bounded, other: Bounded, scale: Any, roundings: int) -> Bounded:
    """scale * (ds @ other), in either order, each term rounded so many times more; a scaled ds may be flushed where the
    product would not have been."""
    after, before = (ds @ other) * scale, (ds * scale) @ other
    u = ds.precision.step.u
    with np.errstate(all="ignore"):
        sizes = ds.size_at_most @ other.size_at_most
        error = np.maximum(after.error, before.error) + roundings * u * sizes * ds.lift(scale).size_at_most
    return after.of(after.value, or_infinite(error))
