"""Visibility: which key each query may attend to, from mask, causality and window."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, require
from veriformer.spec.numbers import number
from veriformer.spec.slip import Part

FULLY_MASKED = Convention(
    "fully_masked",
    ("zero", "nan", "uniform_over_all_keys", "unmasked"),
    "The formula divides 0 by 0 when a query has no allowed key; the paper is silent.",
    {
        "zero": "torch.nn.functional.scaled_dot_product_attention, ONNX Attention, FlashAttention",
        "nan": "softmax of -inf everywhere; nanoGPT, torch.nn.MultiheadAttention with weights",
        "uniform_over_all_keys": "jax.nn.dot_product_attention, equinox (finfo.min in place of -inf)",
        "unmasked": "an additive mask so small that the scores survive it, -1e9 in float64",
    },
)
CAUSAL_ALIGNMENT = Convention(
    "causal_alignment",
    ("top_left", "bottom_right"),
    "With L_q != L_k a triangle can start at either corner; the paper has L_q = L_k only.",
    {
        "top_left": "torch scaled_dot_product_attention(is_causal=True), jax.nn.dot_product_attention",
        "bottom_right": "FlashAttention since 2.1, decoding with a cache of keys",
    },
)
BEHIND_MASK = Convention(
    "behind_mask",
    ("ignored", "propagates"),
    "Behind a mask may stand nan or infinity, in a padding never written to, say: the formula knows neither.",
    {
        "ignored": "softmax of masked_fill(~mask, -inf); keys and values of the padding cleared before attention",
        "propagates": "torch scaled_dot_product_attention, jax.nn.dot_product_attention: 0 * nan in the product with v; "
        "softmax of x plus a mask of 0 and -inf",
    },
)
"""`ignored`: what is masked, a logit or a key and value that no query sees, may hold anything. `propagates`: a masked logit
that is nan or +infinity makes nan of all weights of its row, a value that is nan or infinite, though no query sees it, of its
column in the answers of all queries; whether an unseen key leaks by itself is left open."""


@Part
def attendable(mask: Any) -> np.ndarray | None:
    """The mask as it is given: True = may attend."""
    return None if mask is None else np.asarray(mask)


@Part
def behind(position: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Causality: a query sees the keys up to its own position."""
    return key <= position


@Part
def near(position: np.ndarray, key: np.ndarray, window: int) -> np.ndarray:
    """A window: a query sees the keys less than `window` away."""
    return np.abs(position - key) < window


def visible(
    length_q: int, length_k: int, *, mask: Any, causal: bool, window: int | None, causal_alignment: str
) -> np.ndarray | None:
    """The boolean mask of all three together, or None when every query sees every key.

    Query i stands at position p = i (top_left) or i + L_k - L_q (bottom_right). causal: j <= p. window=w: |p - j| < w.
    Raises ValueError for a mask that is not boolean, or a window below 1.
    """
    require(mask is None or np.asarray(mask).dtype == bool, "a mask is boolean: True where a query may attend to a key")
    require(window is None or window >= 1, f"window={window}: a window holds at least the position itself, 1")
    allowed = attendable(mask)
    offset = length_k - length_q if causal_alignment == "bottom_right" else 0
    position = np.arange(length_q)[:, None] + offset
    key = np.arange(length_k)[None, :]
    for condition in (behind(position, key) if causal else None, near(position, key, window) if window else None):
        if condition is not None:
            allowed = condition if allowed is None else allowed & condition
    return allowed


def without_unseen(x: Any, allowed: np.ndarray | None, fully_masked: str) -> Any:
    """Keys or values (..., L_k, d) with 0 in the place of those that no query sees, whatever they hold.

    A query without allowed key sees them all where it answers their mean, or as if there were no mask.
    """
    if allowed is None:
        return x
    if fully_masked in ("uniform_over_all_keys", "unmasked"):
        allowed = allowed | ~allowed.any(-1, keepdims=True)
    seen = np.any(allowed, axis=-2, keepdims=True)
    return x if seen.all() else np.where(np.swapaxes(seen, -1, -2), x, number(0, like=x))


@attendable.slip("the mask the other way round, True = hidden")
def mask_inverted(mask: Any) -> np.ndarray | None:
    return None if mask is None else ~np.asarray(mask)


@attendable.slip("the mask of the next example of the batch")
def mask_of_another_example(mask: Any) -> np.ndarray | None:
    return None if mask is None else np.roll(mask, -1, axis=0) if np.ndim(mask) > 2 else np.asarray(mask)


@attendable.slip("the first example's mask for all of the batch")
def mask_of_the_first_example(mask: Any) -> np.ndarray | None:
    return (
        None if mask is None else np.broadcast_to(mask[:1], np.shape(mask)) if np.ndim(mask) > 2 else np.asarray(mask)
    )


@attendable.slip("no mask at all")
def mask_ignored(mask: Any) -> np.ndarray | None:
    return None


@behind.slip("causality off by one: no query sees its own position")
def causal_excludes_itself(position: np.ndarray, key: np.ndarray) -> np.ndarray:
    return key < position


@behind.slip("causality off by one: every query sees one position ahead")
def causal_sees_the_next(position: np.ndarray, key: np.ndarray) -> np.ndarray:
    return key <= position + 1


@behind.slip("causality the other way round: every query sees only the future")
def causal_sees_only_the_future(position: np.ndarray, key: np.ndarray) -> np.ndarray:
    return key >= position


@behind.slip("causality left out")
def causal_ignored(position: np.ndarray, key: np.ndarray) -> np.ndarray:
    return np.ones(np.broadcast_shapes(position.shape, key.shape), bool)


@near.slip("a window off by one: one position wider at either end")
def window_too_wide(position: np.ndarray, key: np.ndarray, window: int) -> np.ndarray:
    return np.abs(position - key) <= window


@near.slip("a window off by one: one position narrower at either end")
def window_too_narrow(position: np.ndarray, key: np.ndarray, window: int) -> np.ndarray:
    return np.abs(position - key) < max(window - 1, 1)


@near.slip("a window open to the future")
def window_open_ahead(position: np.ndarray, key: np.ndarray, window: int) -> np.ndarray:
    return position - key < window
