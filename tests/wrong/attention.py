"""Wrong attentions: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.attention import (
    allowed_pairs,
    attention,
    attention_vjp,
    default_scale,
    repeat_heads,
    scaled_scores,
)
from veriformer.impls.numpy.softmax import softmax

Array = np.ndarray


def _scores(q: Array, k: Array, **options: Any) -> tuple[Array, Array]:
    """The honest scores, and which of them count."""
    pairs = (options.get(name) for name in ("mask", "causal", "window"))
    allowed = allowed_pairs(q.shape[-2], k.shape[-2], *pairs)  # type: ignore[arg-type]
    scores = scaled_scores(q, repeat_heads(k, q), options.get("bias"), options.get("scale"))
    return scores, np.broadcast_to(allowed, scores.shape)


def _values(v: Array, q: Array) -> Array:
    return repeat_heads(v, q)


def agrees_with_the_spec(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Scores are divided by d_k, not by its root."""
    return attention(q, k, v, **{**options, "scale": options.get("scale", 1 / q.shape[-1])})


def gradients_agree_with_the_spec_vjp(g: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, ...]:
    """The scale of the scores is forgotten in the derivatives of q and k."""
    d_q, d_k, d_v = attention_vjp(g, q, k, v, **options)
    scale = q.dtype.type(default_scale(q, options.get("scale")))
    return d_q / scale, d_k / scale, d_v


def is_permutation_equivariant_in_the_queries(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Positions are added to the queries, uncalled for."""
    places = np.arange(q.shape[-2], dtype=q.dtype)[:, None]
    return attention(q + places, k, v, **options)


def ignores_the_order_of_keys(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Recent keys are preferred, uncalled for."""
    scores, allowed = _scores(q, k, **options)
    return softmax(scores + np.arange(scores.shape[-1], dtype=q.dtype), mask=allowed) @ _values(v, q)


def stays_in_the_convex_hull_of_the_values(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The factor 1 / (1 - rate) of a dropout of 0.1 stays on."""
    return attention(q, k, v, **options) / q.dtype.type(0.9)


def a_single_key_returns_its_value(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """A key of nothing takes part: exp(x) / (1 + sum exp(x))."""
    scores, allowed = _scores(q, k, **options)
    silent = [(0, 0)] * (scores.ndim - 1) + [(0, 1)]
    padded = np.pad(allowed, silent, constant_values=True)
    return softmax(np.pad(scores, silent), mask=padded)[..., :-1] @ _values(v, q)


def equal_keys_give_the_mean_of_the_values(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Hard attention: the first of the best keys gets all the weight."""
    scores, allowed = _scores(q, k, **options)
    best = np.argmax(np.where(allowed, scores, -np.inf), axis=-1)[..., None]
    chosen = (np.arange(scores.shape[-1]) == best) & allowed
    return chosen.astype(q.dtype) @ _values(v, q)


def a_masked_key_is_removed(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The mask comes after the softmax: masked keys stay in its denominator."""
    scores, allowed = _scores(q, k, **options)
    return (softmax(scores) * allowed.astype(q.dtype)) @ _values(v, q)


def does_not_look_ahead(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The triangle is one diagonal too wide: each query sees the next position."""
    _, allowed = _scores(q, k, **options)
    if options.pop("causal", False):
        options["mask"] = allowed | np.roll(allowed, 1, axis=-1)
    return attention(q, k, v, **options)


def scales_with_the_values(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The answer is kept within [-1, 1]."""
    return np.clip(attention(q, k, v, **options), -1, 1)


def gradients_stay_stable_under_scaling(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """No scale at all, and the derivatives of exactly that."""
    return attention(q, k, v, **{"scale": 1.0, **options})


def gradients_stay_stable_under_scaling_vjp(
    g: Array, q: Array, k: Array, v: Array, **options: Any
) -> tuple[Array, ...]:
    """The derivatives of attention without a scale."""
    return attention_vjp(g, q, k, v, **{"scale": 1.0, **options})


def a_batch_is_its_rows_one_by_one(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """mask.repeat(n_heads, 1, 1) where repeat_interleave is meant: heads get the masks of other examples."""
    mask = options.get("mask")
    if mask is not None and mask.ndim == 4 and mask.shape[1] == 1:
        batch, heads = q.shape[:2]
        tiled = np.tile(mask[:, 0], (heads, 1, 1))
        options["mask"] = tiled.reshape(batch, heads, *mask.shape[2:])
    return attention(q, k, v, **options)


def each_query_is_answered_alone(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """One maximum for all queries: a row far below it underflows."""
    scores, allowed = _scores(q, k, **options)
    exponentials = np.exp(np.where(allowed, scores - np.max(scores), -np.inf))
    total = np.sum(exponentials, axis=-1, keepdims=True)
    return (exponentials / np.where(total == 0, 1, total)) @ _values(v, q)


def queries_at_the_aligned_end_are_answered_alone(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The triangle starts at the other corner, as in FlashAttention before 2.1."""
    if options.pop("causal", False):
        corner = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
        options["mask"] = corner & options.get("mask", True)
    return attention(q, k, v, **options)


def causality_is_a_triangular_mask(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The triangle takes the place of the mask that was given."""
    if options.get("causal"):
        options["mask"] = None
    return attention(q, k, v, **options)


def a_window_is_its_mask(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """A key exactly as far away as the window is wide is seen."""
    if options.get("window") is not None:
        options["window"] += 1
    return attention(q, k, v, **options)


def shared_key_heads_are_repeated_key_heads(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Query head h uses key head h modulo the number of key heads, as if they were tiled."""
    if q.ndim > 2 and 1 < k.shape[-3] < q.shape[-3]:
        order = np.arange(q.shape[-3]) % k.shape[-3]
        k, v = k[..., order, :, :], v[..., order, :, :]
    return attention(q, k, v, **options)


def a_bias_of_minus_infinity_hides_a_key(
    q: Array, k: Array, v: Array, *, bias: Array | None = None, **options: Any
) -> Array:
    """The bias is kept inside the range of half types, that nothing be infinite."""
    return attention(q, k, v, bias=None if bias is None else np.maximum(bias, q.dtype.type(-5)), **options)


def keeping_everything_changes_nothing(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """Where a mask comes for dropout, the rate of the paper, 0.1, comes with it."""
    if options.get("keep") is not None:
        options["rate"] = options.get("rate") or 0.1
    return attention(q, k, v, **options)


def the_value_of_a_dropped_weight_does_not_matter(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The mask the other way round: True is dropped."""
    if options.get("keep") is not None:
        options["keep"] = ~options["keep"]
    return attention(q, k, v, **options)


def is_linear_in_what_is_kept(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The weights that are kept are made to sum to one again."""
    keep, rate = options.pop("keep", None), options.pop("rate", 0.0)
    if keep is None:
        return attention(q, k, v, **options)
    mask = options.pop("mask", None)
    return attention(q, k, v, mask=keep if mask is None else mask & keep, **options) / q.dtype.type(1 - min(rate, 0.9))


def each_head_drops_by_its_own_mask(q: Array, k: Array, v: Array, **options: Any) -> Array:
    """The mask of the first head serves all heads."""
    keep = options.get("keep")
    if keep is not None and keep.ndim > 2:
        options["keep"] = np.broadcast_to(keep[..., :1, :, :], keep.shape)
    return attention(q, k, v, **options)
