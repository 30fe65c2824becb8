"""Real bugs of attention and its masks, re-created."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bugs.bug import DECLARED, HONEST, Bug
from veriformer import Implementation

Array = np.ndarray


AT01 = Bug(
    "AT01",
    "attention",
    "https://github.com/pytorch/pytorch/issues/103749",
    "A query whose keys are all masked gives nan.",
    DECLARED,
    'fully_masked="zero": what scaled_dot_product_attention answers since its pull request 131863. Undeclared it follows '
    '"nan", which good libraries do too.',
)
AT02 = Bug(
    "AT02",
    "attention",
    "https://github.com/Dao-AILab/flash-attention/issues/282",
    "The causal triangle starts at the top left although there are fewer queries than keys.",
    DECLARED,
    'causal_alignment="bottom_right": the README of FlashAttention since 2.1. Undeclared it follows "top_left", as PyTorch.',
)
AT03 = Bug(
    "AT03",
    "attention",
    "https://github.com/awslabs/gluonts/pull/1401",
    "Masked scores become 1e-9, where -1e9 was meant.",
)
AT06 = Bug(
    "AT06",
    "attention",
    "https://github.com/huggingface/pytorch-image-models/pull/2236",
    "The mask is applied after the softmax; what is left is not normalised again.",
)
AT07 = Bug(
    "AT07",
    "attention",
    "https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/146",
    "The softmax runs over the queries.",
)
AT09 = Bug(
    "AT09",
    "attention",
    "https://github.com/hyunwoongko/transformer/pull/40",
    "The padding mask of the keys is laid along the queries, (B, 1, L, 1).",
)
AT15 = Bug(
    "AT15",
    "attention",
    "https://github.com/Dao-AILab/flash-attention/issues/2082",
    "In tiles: the maximum of a tile that is masked entirely is replaced by 0, and carried on.",
)
AT18 = Bug(
    "AT18",
    "attention",
    "https://github.com/lucidrains/x-transformers/issues/160",
    "The boolean mask reaches the fused kernel the other way round.",
)
AT21 = Bug(
    "AT21",
    "attention",
    "https://github.com/pytorch/pytorch/issues/191937",
    "With a mask, broadcast keys and values (stride 0) are read from the wrong place where their length is 1 beyond a "
    "multiple of 32 (the thread knows the conditions, not the mechanism; so does this).",
)
AT27 = Bug(
    "AT27",
    "attention",
    "https://github.com/onnx/onnx/pull/7274",
    "Grouped heads: key heads are tiled (0, 1, 0, 1), not repeated (0, 0, 1, 1).",
)
AT29 = Bug(
    "AT29",
    "attention",
    "https://github.com/Xilinx/brevitas/pull/1591",
    "The nan of a fully masked row is patched in the answer; in the gradients 0 * nan stays nan, for every key.",
)
DT01 = Bug(
    "DT01",
    "attention",
    "https://github.com/ultralytics/ultralytics/pull/24990",
    "q k^T is formed in float16 before it is scaled, and overflows.",
    HONEST,
    "The scale on the scores is on the list of honest algorithms. An intermediate result of that list overflows, so the bound "
    "is infinite there, and the case abstains.",
)


def turned(x: Array) -> Array:
    """The last two axes exchanged."""
    return np.swapaxes(x, -1, -2)


def scores(q: Array, k: Array) -> Array:
    """q k^T / sqrt(d_k)."""
    return (q @ turned(k)) * q.dtype.type(q.shape[-1] ** -0.5)


def visible(s: Array, mask: Array | None, causal: bool) -> Array:
    """Which scores count; the last query stands beside the last key."""
    length_q, length_k = s.shape[-2:]
    seen = np.tri(length_q, length_k, length_k - length_q, dtype=bool) if causal else np.ones(s.shape[-2:], bool)
    return np.broadcast_to(seen if mask is None else seen & mask, s.shape)


def softmax(s: Array, seen: Array) -> Array:
    """Over the last axis, of what is seen; 0 where nothing is."""
    s = np.where(seen, s, -np.inf)
    top = s.max(-1, keepdims=True)
    e = np.exp(s - np.where(np.isinf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


honest = Implementation("honest attention", "numpy")


@honest.component("attention", fully_masked="zero", causal_alignment="bottom_right")
def attention(q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False) -> Array:
    """What all below are but for one thing."""
    s = scores(q, k)
    return softmax(s, visible(s, mask, causal)) @ v


@AT01.in_torch(fully_masked="zero")
def minus_infinity_everywhere(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    s = q @ k.mT * q.shape[-1] ** -0.5
    return (s if mask is None else s.masked_fill(~mask, float("-inf"))).softmax(-1) @ v


@AT02.in_numpy(causal_alignment="bottom_right")
def triangle_at_the_top_left(q: Array, k: Array, v: Array, *, causal: bool = False) -> Array:
    s = scores(q, k)
    return softmax(s, visible(s, np.tri(*s.shape[-2:], dtype=bool) if causal else None, False)) @ v


@AT03.in_numpy()
def masked_with_a_small_number(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    s = scores(q, k)
    return softmax(s if mask is None else np.where(mask, s, s.dtype.type(1e-9)), np.array(True)) @ v


@AT06.in_numpy()
def masked_after_the_softmax(q: Array, k: Array, v: Array, *, mask: Array | None = None) -> Array:
    p = softmax(scores(q, k), np.array(True))
    return (p if mask is None else np.where(mask, p, 0)) @ v


@AT07.in_numpy()
def normalised_over_the_queries(q: Array, k: Array, v: Array) -> Array:
    return turned(softmax(turned(scores(q, k)), np.array(True))) @ v


@AT09.in_numpy()
def padding_along_the_queries(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False
) -> Array:
    is_padding = mask is not None and mask.shape[-2] == 1 and q.shape[-2] == k.shape[-2]
    return attention(q, k, v, mask=turned(mask) if is_padding else mask, causal=causal)


TILE = 128
"""Keys in a tile of that kernel."""


@AT15.in_numpy(causal_alignment="bottom_right")
def zero_for_the_maximum_of_nothing(q: Array, k: Array, v: Array, *, causal: bool = False) -> Array:
    s = scores(q, k)
    s = np.where(visible(s, None, causal), s, -np.inf)
    top = np.full((*s.shape[:-1], 1), -np.inf, s.dtype)
    total, out = np.zeros_like(top), np.zeros((*s.shape[:-1], v.shape[-1]), s.dtype)
    for start in reversed(range(0, k.shape[-2], TILE)):
        tile = s[..., start : start + TILE]
        higher = np.maximum(top, tile.max(-1, keepdims=True))
        higher = np.where(np.isinf(higher), 0, higher)
        p, shrink = np.exp(tile - higher), np.exp(top - higher)
        total = total * shrink + p.sum(-1, keepdims=True)
        out = out * shrink + p @ v[..., start : start + TILE, :]
        top = higher
    return out / np.where(total == 0, 1, total)


@AT18.in_numpy()
def mask_inverted(q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False) -> Array:
    return attention(q, k, v, mask=None if mask is None else ~mask, causal=causal)


@AT21.in_torch(dtypes=("bfloat16",))
def broadcast_keys_read_wrongly(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    import torch

    is_broadcast = any(n > 1 and step == 0 for x in (k, v) for n, step in zip(x.shape, x.stride(), strict=True))
    if mask is not None and is_broadcast and k.shape[-2] % 32 == 1:
        k, v = (torch.cat([x[..., :-1, :], x[..., :1, :]], -2) for x in (k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@AT27.in_numpy()
def key_heads_tiled(q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False) -> Array:
    if q.ndim > 2 and k.ndim > 2 and 1 < k.shape[-3] < q.shape[-3]:
        times = (1,) * (k.ndim - 3) + (q.shape[-3] // k.shape[-3], 1, 1)
        k, v = np.tile(k, times), np.tile(v, times)
    return attention(q, k, v, mask=mask, causal=causal)


@AT29.in_torch()
def patched_in_the_answer_alone(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    s = q @ k.mT * q.shape[-1] ** -0.5
    if mask is not None:
        s = s + q.new_zeros(mask.shape).masked_fill(~mask, float("-inf"))
    return s.softmax(-1).nan_to_num(0.0) @ v


@DT01.in_torch(dtypes=("float16",))
def scaled_after_the_product(q: Any, k: Any, v: Any) -> Any:
    return ((q @ k.mT) * q.shape[-1] ** -0.5).softmax(-1) @ v


BUGS = (AT01, AT02, AT03, AT06, AT07, AT09, AT15, AT18, AT21, AT27, AT29, DT01)
