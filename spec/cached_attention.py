"""cached_attention: causal attention as it is decoded, a few positions at a time, by an object that remembers the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.attention import attention
from veriformer.spec.component import Honest, component, require
from veriformer.spec.multi_head_attention import joined, projected, split
from veriformer.spec.numbers import number
from veriformer.spec.rotary_positions import LAYOUT, rotary_positions
from veriformer.spec.script import play
from veriformer.spec.slip import Part


@component(
    source="Shazeer 2019, section 2.4 (incremental multi-head attention); Vaswani et al. 2017, section 3.2.3; rotary "
    "positions: Su et al. 2021; windows: Beltagy et al. 2020, section 3.1",
    honest=(
        Honest("keys and values projected once, when their position comes, and kept", "Shazeer 2019, section 2.4"),
        Honest("room reserved for max_length positions, unwritten ones masked", "transformers' StaticCache"),
        Honest("of a window only the last positions kept, in a ring", "Jiang et al. 2023, Mistral 7B, section 2"),
        Honest("keys kept as they were turned when they came, or turned anew in each step", "see rotary_positions"),
        Honest("any honest multi-head attention", "see multi_head_attention"),
    ),
    conventions=(LAYOUT,),
)
def cached_attention(
    params: dict[str, Any],
    script: Any,
    *,
    n_heads: int,
    max_length: int | None = None,
    window: int | None = None,
    rotary_base: float | None = None,
    layout: str = "interleaved",
) -> Any:
    """step(x_new) = the rows of the new positions in multi_head_attention(x, x, params, causal), x all positions so far.

    `cached_attention(params, *, n_heads, max_length=None, ...)` is an object. step(x_new) takes the next positions
    (..., L_new, d_model), one or a chunk, and answers like x_new. reorder(index), optional, is beam search's: row b of
    the first batch axis becomes what row index[b] was, so that rows can be dropped and repeated.
    params: as multi_head_attention's. max_length: positions that there is room for; None: any number. window=w: each
    position sees itself and the w - 1 before it. rotary_base, layout: queries and keys are turned as by rotary_positions
    with this base, each at its own position; None: not at all.
    Corners: the first position sees itself alone. A chunk is causal within itself. Two objects share nothing.
    Raises ValueError beyond max_length, for widths and batches that do not fit, and where no batch can be reordered.
    """
    how = {"window": window, "rotary_base": rotary_base, "layout": layout}
    return play(lambda: Cache(params, n_heads, max_length, how), script)


class Cache:
    """All positions so far, and no trick: each step attends anew from every one of them."""

    def __init__(self, params: dict[str, Any], n_heads: int, max_length: int | None, how: dict[str, Any]) -> None:
        self.params, self.n_heads, self.max_length, self.how = params, n_heads, max_length, how
        self.x: Any = None

    def step(self, x_new: Any) -> Any:
        self.x = extended(self.x, x_new)
        room, length = self.max_length, self.x.shape[-2]
        require(room is None or length <= room, f"{length} positions, where there is room for {room}")
        return attended(self.x, x_new.shape[-2], self.params, self.n_heads, **self.how)

    def reorder(self, index: Any) -> None:
        require(self.x is not None and self.x.ndim > 2, "there is no batch yet whose rows could be reordered")
        self.x = reordered(self.x, np.asarray(index))


@Part
def extended(x: Any, x_new: Any) -> Any:
    """All positions so far."""
    return x_new if x is None else np.concatenate([x, x_new], axis=-2)


@Part
def attended(
    x: Any,
    n: int,
    params: dict[str, Any],
    n_heads: int,
    *,
    window: int | None = None,
    rotary_base: float | None = None,
    layout: str = "interleaved",
    causal_alignment: str = "bottom_right",
) -> Any:
    """The last n rows of causal multi-head attention over all of x."""
    for name in ("w_q", "w_k", "w_v"):
        columns = params[name].shape[-1]
        require(columns % n_heads == 0, f"{name}: {columns} columns cannot be shared by {n_heads} heads")
    before = x.shape[-2] - n
    q, k, v = (split(projected(y, params, m), n_heads) for m, y in zip("qkv", (x[..., before:, :], x, x), strict=True))
    if rotary_base is not None:
        q, k = at_their_positions(q, k, before, base=rotary_base, layout=layout)
    heads = attention(q, k, v, causal=True, window=window, causal_alignment=causal_alignment)
    return projected(joined(heads), params, "o")


@Part
def at_their_positions(q: Any, k: Any, before: int, **how: Any) -> tuple[Any, Any]:
    """The new queries and all keys, turned; `before` positions came before the queries."""
    return tuple(rotary_positions(y, start + np.arange(y.shape[-2]), **how) for y, start in ((q, before), (k, 0)))


@Part
def reordered(x: Any, index: np.ndarray) -> Any:
    """Row b of the batch becomes what row index[b] was."""
    return x[index]


@extended.slip("a cache position off by one: what is new is written over the position before it")
def written_over_the_last(x: Any, x_new: Any) -> Any:
    return extended(None if x is None else x[..., :-1, :], x_new)


@attended.slip("a cache position off by one: the newest keys and values are not seen")
def newest_not_seen(x: Any, n: int, params: dict[str, Any], n_heads: int, **how: Any) -> Any:
    before = x.shape[-2] - n
    q, k, v = (
        split(projected(y, params, name), n_heads)
        for name, y in zip("qkv", (x[..., before:, :], x[..., :before, :], x[..., :before, :]), strict=True)
    )
    return projected(joined(attention(q, k, v)), params, "o")


@attended.slip("a cache position off by one: a key and a value of zeros, never written, are seen too")
def unwritten_seen(x: Any, n: int, params: dict[str, Any], n_heads: int, **how: Any) -> Any:
    q, k, v = (split(projected(x, params, name), n_heads) for name in "qkv")
    k, v = (np.concatenate([number(np.zeros((*y.shape[:-2], 1, y.shape[-1])), like=y), y], axis=-2) for y in (k, v))
    heads = attention(q, k, v, causal=True, causal_alignment="bottom_right")
    return projected(joined(heads), params, "o")[..., x.shape[-2] - n :, :]


@attended.slip("causality counted from the chunk: its first position sees the first key alone")
def causal_from_the_chunk(x: Any, n: int, params: dict[str, Any], n_heads: int, **how: Any) -> Any:
    return attended(x, n, params, n_heads, **{**how, "causal_alignment": "top_left"})


@attended.slip("the keys and values of the next example of the batch")
def another_example_remembered(x: Any, n: int, params: dict[str, Any], n_heads: int, **how: Any) -> Any:
    if x.ndim < 3:
        return attended(x, n, params, n_heads, **how)
    before = x.shape[-2] - n
    neighbours = x[np.roll(np.arange(x.shape[0]), -1)]
    return attended(
        np.concatenate([neighbours[..., :before, :], x[..., before:, :]], axis=-2), n, params, n_heads, **how
    )


@at_their_positions.slip("queries turned as if nothing came before them")
def queries_turned_from_0(q: Any, k: Any, before: int, **how: Any) -> tuple[Any, Any]:
    return at_their_positions(q, k, 0, **how)


@reordered.slip("a cache that is not reordered")
def not_reordered(x: Any, index: np.ndarray) -> Any:
    return x


@reordered.slip("a cache reordered the other way round: row b goes to index[b]")
def reordered_the_other_way(x: Any, index: np.ndarray) -> Any:
    if len(index) != len(x):
        return reordered(x, index)
    came_from = np.arange(len(x))
    came_from[index] = np.arange(len(index))
    return x[came_from]
