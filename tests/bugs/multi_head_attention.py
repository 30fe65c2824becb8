"""Real bugs of multi-head attention, re-created."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation
from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.multi_head_attention import project

Array = np.ndarray
Params = Mapping[str, Array]

MH01 = Bug(
    "MH01",
    "multi_head_attention",
    "https://github.com/jsbaan/transformer-from-scratch/pull/6",
    "The heads (B, H, L, d) are merged by reshaping, without transposing back.",
)
MH02 = Bug(
    "MH02",
    "multi_head_attention",
    "https://github.com/reczoo/FuxiCTR/issues/30",
    "The heads are split by a view as (B H, L, d), without transposing.",
)


def split(x: Array, n_heads: int) -> Array:
    """(B, L, H d) -> (B, H, L, d)."""
    *batch, length, width = x.shape
    return np.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)


def split_by_view(x: Array, n_heads: int) -> Array:
    """(B, L, H d) -> (B, H, L, d), the numbers in the order in which they lie."""
    *batch, length, width = x.shape
    return x.reshape(*batch, n_heads, length, width // n_heads)


def merge(heads: Array) -> Array:
    """(B, H, L, d) -> (B, L, H d)."""
    *batch, n_heads, length, width = heads.shape
    return np.swapaxes(heads, -2, -3).reshape(*batch, length, n_heads * width)


def merge_by_view(heads: Array) -> Array:
    """(B, H, L, d) -> (B, L, H d), the numbers in the order in which they lie."""
    *batch, n_heads, length, width = heads.shape
    return heads.reshape(*batch, length, n_heads * width)


Split, Merge = Callable[[Array, int], Array], Callable[[Array], Array]


def attended(
    x: Array, memory: Array, params: Params, n_heads: int, mask: Array | None, split: Split, merge: Merge
) -> Array:
    """Project, split, attend, merge, project."""
    q, k, v = (split(project(a, params, n), n_heads) for n, a in zip("qkv", (x, memory, memory), strict=True))
    return project(merge(attention(q, k, v, mask=mask)), params, "o")


honest = Implementation("honest multi_head_attention", "numpy")


@honest.component
def multi_head_attention(x: Array, memory: Array, params: Params, *, n_heads: int, mask: Array | None = None) -> Array:
    """Transposed on the way in and out."""
    return attended(x, memory, params, n_heads, mask, split, merge)


@MH01.in_numpy()
def merged_by_view(x: Array, memory: Array, params: Params, *, n_heads: int, mask: Array | None = None) -> Array:
    return attended(x, memory, params, n_heads, mask, split, merge_by_view)


@MH02.in_numpy()
def divided_by_view(x: Array, memory: Array, params: Params, *, n_heads: int, mask: Array | None = None) -> Array:
    return attended(x, memory, params, n_heads, mask, split_by_view, merge_by_view)


BUGS = (MH01, MH02)
