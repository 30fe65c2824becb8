"""Attention with rotary positions in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls.torch.attention import attention
from veriformer.impls.torch.rotary_positions import rotary_positions


def rotary_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    positions: torch.Tensor,
    *,
    positions_k: torch.Tensor | None = None,
    base: float = 10000.0,
    layout: str = "interleaved",
    mask: torch.Tensor | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """attention(R_p q, R_p' k, v): queries and keys are turned by their positions, values are not.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); positions (..., L_q), positions_k (..., L_k),
    the same unless given. base and layout as in rotary_positions, mask and causal as in attention.
    """
    at_k = positions if positions_k is None else positions_k
    turned_q = rotary_positions(q, positions, base=base, layout=layout)
    turned_k = rotary_positions(k, at_k, base=base, layout=layout)
    return attention(turned_q, turned_k, v, mask=mask, causal=causal)
