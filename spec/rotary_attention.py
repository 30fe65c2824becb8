"""rotary_attention: attention whose queries and keys are turned by their positions, so that scores know distances only."""

from __future__ import annotations

from typing import Any

from veriformer.spec.attention import attention
from veriformer.spec.component import Honest, component, largest
from veriformer.spec.rotary_positions import LAYOUT, rotary_positions
from veriformer.spec.slip import Part
from veriformer.spec.visibility import BEHIND_MASK, CAUSAL_ALIGNMENT, FULLY_MASKED


@Part
def rotated(q: Any, k: Any, v: Any, positions: Any, positions_k: Any, **how: Any) -> tuple[Any, Any, Any]:
    """Queries and keys at their positions; values as they are."""
    return rotary_positions(q, positions, **how), rotary_positions(k, positions_k, **how), v


@component(
    source="Su et al. 2021, RoFormer, section 3.2.2, equation 16",
    honest=(
        Honest("rotate, then attend, each as its own component allows", "Hugging Face's Llama; GPT-NeoX"),
        Honest("rotate inside the kernel that forms the scores", "fused rotary kernels, such as FlashAttention's"),
    ),
    conventions=(LAYOUT, FULLY_MASKED, CAUSAL_ALIGNMENT, BEHIND_MASK),
    scale=lambda q, k, v, positions, **_: largest(v),
)
def rotary_attention(
    q: Any,
    k: Any,
    v: Any,
    positions: Any,
    *,
    positions_k: Any = None,
    base: float = 10000.0,
    layout: str = "interleaved",
    mask: Any = None,
    causal: bool = False,
    fully_masked: str = "zero",
    causal_alignment: str = "top_left",
    behind_mask: str = "propagates",
) -> Any:
    """attention(R_p q, R_p' k, v), R_p the rotation of rotary_positions at position p: <R_p q, R_p' k> = <R_(p - p') q, k>.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v), d_k even; positions (..., L_q), integers, of the queries, and
    positions_k (..., L_k) of the keys: the same, where they are not given. base, layout: see rotary_positions. mask,
    causal: see attention.
    Corners: moving all positions together changes nothing. Values are not turned.
    Raises ValueError where rotary_positions or attention does.
    """
    q, k, v = rotated(q, k, v, positions, positions if positions_k is None else positions_k, base=base, layout=layout)
    silent = {"fully_masked": fully_masked, "causal_alignment": causal_alignment, "behind_mask": behind_mask}
    return attention(q, k, v, mask=mask, causal=causal, **silent)


@rotated.slip("the values turned like the keys")
def values_turned(q: Any, k: Any, v: Any, positions: Any, positions_k: Any, **how: Any) -> tuple[Any, Any, Any]:
    q, k, v = rotated(q, k, v, positions, positions_k, **how)
    return q, k, v if v.shape[-1] % 2 else rotary_positions(v, positions_k, **how)


@rotated.slip("keys that are not turned")
def keys_not_turned(q: Any, k: Any, v: Any, positions: Any, positions_k: Any, **how: Any) -> tuple[Any, Any, Any]:
    return rotary_positions(q, positions, **how), k, v


@rotated.slip("the keys turned the other way round")
def keys_turned_backwards(q: Any, k: Any, v: Any, positions: Any, positions_k: Any, **how: Any) -> tuple[Any, Any, Any]:
    return rotated(q, k, v, positions, -positions_k, **how)


@rotated.slip("queries counted from 0, whatever came before them")
def queries_counted_from_0(
    q: Any, k: Any, v: Any, positions: Any, positions_k: Any, **how: Any
) -> tuple[Any, Any, Any]:
    return rotated(q, k, v, positions - positions[..., :1], positions_k, **how)
