"""Wrong multi-head attentions: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.multi_head_attention import (
    merge_heads,
    multi_head_attention,
    multi_head_attention_vjp,
    project,
    split_heads,
)

Array = np.ndarray


def agrees_with_the_spec(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Keys and values come from x, even where a memory is given; the bias of the output is forgotten."""
    kept = {name: value for name, value in params.items() if name != "b_o"}
    return multi_head_attention(x, x if x.shape == memory.shape else memory, kept, **options)


def ignores_the_order_of_heads(x: Array, memory: Array, params: Any, *, n_heads: int, **options: Any) -> Array:
    """A head gets every n_heads-th column instead of a block of neighbours; what comes out is joined in blocks."""

    def split(y: Array) -> Array:
        *batch, length, width = y.shape
        return np.moveaxis(y.reshape(*batch, length, width // n_heads, n_heads), -1, -3)

    q, k, v = (split(project(y, params, name)) for y, name in ((x, "q"), (memory, "k"), (memory, "v")))
    return project(merge_heads(attention(q, k, v, **options)), params, "o")


def one_head_with_identity_projections_is_attention(
    x: Array, memory: Array, params: Any, *, n_heads: int, **options: Any
) -> Array:
    """Scores are divided by the root of the number of keys, not of the width of a head."""
    q, k, v = (split_heads(project(y, params, n), n_heads) for y, n in ((x, "q"), (memory, "k"), (memory, "v")))
    heads = attention(q, k, v, scale=1 / np.sqrt(memory.shape[-2] + 1).item(), **options)
    return project(merge_heads(heads), params, "o")


def is_permutation_equivariant(x: Array, memory: Array, params: Any, **options: Any) -> Array:
    """Positions are added to x, uncalled for."""
    places = np.arange(x.shape[-2], dtype=x.dtype)[:, None]
    return multi_head_attention(x + places, memory, params, **options)


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, memory: Array, params: Any, **options: Any
) -> tuple[Array, Array, dict[str, Array]]:
    """The memory gets one number everywhere: an index is lost in the sum."""
    d_x, d_memory, d_params = multi_head_attention_vjp(cotangent, x, memory, params, **options)
    return d_x, d_memory * 0 + d_params["w_v"].sum(), d_params


def a_batch_is_its_rows_one_by_one(x: Array, memory: Array, params: Any, *, n_heads: int, **options: Any) -> Array:
    """mask.repeat(n_heads, 1, 1) where repeat_interleave is meant: heads get the masks of other examples."""
    mask = options.get("mask")
    if mask is not None and mask.ndim == 4 and mask.shape[1] == 1:
        tiled = np.tile(mask[:, 0], (n_heads, 1, 1))
        options["mask"] = tiled.reshape(mask.shape[0], n_heads, *mask.shape[2:])
    return multi_head_attention(x, memory, params, n_heads=n_heads, **options)
