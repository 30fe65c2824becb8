"""Attention with rotary positions, and its gradients, in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.attention import attention, attention_vjp
from veriformer.impls.numpy.rotary_positions import rotary_positions, rotary_positions_vjp


def rotary_attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    positions: np.ndarray,
    *,
    positions_k: np.ndarray | None = None,
    base: float = 10000.0,
    layout: str = "interleaved",
    mask: np.ndarray | None = None,
    causal: bool = False,
) -> np.ndarray:
    """attention(R_p q, R_p' k, v): queries and keys are turned by their positions, values are not.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); positions (..., L_q), positions_k (..., L_k),
    the same unless given. base and layout as in rotary_positions, mask and causal as in attention.
    """
    at_k = positions if positions_k is None else positions_k
    turned_q = rotary_positions(q, positions, base=base, layout=layout)
    turned_k = rotary_positions(k, at_k, base=base, layout=layout)
    return attention(turned_q, turned_k, v, mask=mask, causal=causal)


def rotary_attention_vjp(
    cotangent: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    positions: np.ndarray,
    *,
    positions_k: np.ndarray | None = None,
    base: float = 10000.0,
    layout: str = "interleaved",
    mask: np.ndarray | None = None,
    causal: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients for q, k and v: those of attention at the turned q and k, the first two turned back."""
    at_k = positions if positions_k is None else positions_k
    turned_q = rotary_positions(q, positions, base=base, layout=layout)
    turned_k = rotary_positions(k, at_k, base=base, layout=layout)
    d_q, d_k, d_v = attention_vjp(cotangent, turned_q, turned_k, v, mask=mask, causal=causal)
    (d_q,) = rotary_positions_vjp(d_q, q, positions, base=base, layout=layout)
    (d_k,) = rotary_positions_vjp(d_k, k, at_k, base=base, layout=layout)
    return d_q, d_k, d_v
