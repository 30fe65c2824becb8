"""Visibility: which key each query may attend to, from mask, causality and window."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Convention, require

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


def visible(
    length_q: int, length_k: int, *, mask: Any, causal: bool, window: int | None, causal_alignment: str
) -> np.ndarray | None:
    """The boolean mask of all three together, or None when every query sees every key.

    Query i stands at position p = i (top_left) or i + L_k - L_q (bottom_right). causal: j <= p. window=w: |p - j| < w.
    Raises ValueError for a mask that is not boolean, or a window below 1.
    """
    require(mask is None or np.asarray(mask).dtype == bool, "a mask is boolean: True where a query may attend to a key")
    require(window is None or window >= 1, f"window={window}: a window holds at least the position itself, 1")
    allowed = None if mask is None else np.asarray(mask)
    offset = length_k - length_q if causal_alignment == "bottom_right" else 0
    position = np.arange(length_q)[:, None] + offset
    key = np.arange(length_k)[None, :]
    for condition in (key <= position if causal else None, np.abs(position - key) < window if window else None):
        if condition is not None:
            allowed = condition if allowed is None else allowed & condition
    return allowed
