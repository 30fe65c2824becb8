"""Multi-head attention decoded step by step in NumPy: keys and values are projected once, and kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.multi_head_attention import merge_heads, project, split_heads
from veriformer.impls.numpy.rotary_positions import rotary_positions


class CachedAttention:
    """Causal self-attention over a sequence that comes in pieces.

    params: w_q, w_k, w_v, w_o, with b_q, b_k, b_v, b_o or none of them, as multi_head_attention's. max_length: positions
    to reserve room for at once; without it the room doubles whenever it is used up. window: how many positions each sees,
    itself included. rotary_base, layout: queries and keys are turned at their positions, as by rotary_positions; a key is
    kept as it was turned.
    """

    def __init__(
        self,
        params: Mapping[str, np.ndarray],
        *,
        n_heads: int,
        max_length: int | None = None,
        window: int | None = None,
        rotary_base: float | None = None,
        layout: str = "interleaved",
    ) -> None:
        self.params, self.n_heads = params, n_heads
        self.window, self.rotary_base, self.layout = window, rotary_base, layout
        self.keys, self.values = Buffer(max_length), Buffer(max_length)

    def step(self, x_new: np.ndarray) -> np.ndarray:
        """The answers at the next positions, x_new (..., L_new, d_model) -> like x_new: each attends to all before it.

        Raises ValueError when there is no room left.
        """
        q, k, v = (split_heads(project(x_new, self.params, name), self.n_heads) for name in "qkv")
        if self.rotary_base is not None:
            positions = self.keys.length + np.arange(q.shape[-2])
            q, k = (rotary_positions(x, positions, base=self.rotary_base, layout=self.layout) for x in (q, k))
        keys, values = self.keys.append(k), self.values.append(v)  # (..., n_heads, L, d)
        heads = attention(q, keys, values, causal=True, window=self.window)  # the last query stands beside the last key
        return project(merge_heads(heads), self.params, "o")

    def reorder(self, index: np.ndarray) -> None:
        """Row b of the batch goes on from what row index[b] has seen: the beams that a search keeps."""
        self.keys.reorder(index)
        self.values.reorder(index)


class Buffer:
    """Rows along the axis before the last, appended in place."""

    def __init__(self, max_length: int | None) -> None:
        self.max_length = max_length
        self.length = 0
        self.rows: np.ndarray | None = None  # (..., room, d), of which the first `length` are written

    def append(self, new: np.ndarray) -> np.ndarray:
        """Write the new rows behind the others; all rows so far."""
        start, end = self.length, self.length + new.shape[-2]
        if self.max_length is not None and end > self.max_length:
            raise ValueError(f"{end} positions, where there is room for max_length = {self.max_length}")
        if self.rows is None or end > self.rows.shape[-2]:
            self.rows = self.moved(new, self.max_length or 2 * end)
        self.rows[..., start:end, :] = new
        self.length = end
        return self.rows[..., :end, :]

    def moved(self, new: np.ndarray, room: int) -> np.ndarray:
        """What is written so far, in larger memory."""
        *batch, _, width = new.shape
        larger = np.empty((*batch, room, width), dtype=new.dtype)
        if self.rows is not None:
            larger[..., : self.length, :] = self.rows[..., : self.length, :]
        return larger

    def reorder(self, index: np.ndarray) -> None:
        """Rows of the first batch axis, exchanged, repeated or dropped."""
        if self.rows is not None:
            self.rows = self.rows[index]
