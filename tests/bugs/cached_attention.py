"""Real bugs of attention with a cache of keys and values, re-created."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation
from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.multi_head_attention import merge_heads, project, split_heads

Array = np.ndarray
Params = Mapping[str, Array]

KV07 = Bug(
    "KV07",
    "cached_attention",
    "https://github.com/meta-pytorch/gpt-fast/issues/233",
    "When it decodes, all of the reserved room is attended to, zeros that were never written included.",
)
KV08 = Bug(
    "KV08",
    "cached_attention",
    "https://github.com/huggingface/transformers/issues/46612",
    "The cache has another name than the one that beam search reorders, which is skipped in silence.",
)

honest = Implementation("honest cached_attention", "numpy")


@honest.component("cached_attention", form="object")
class Cache:
    """Keys and values of all positions so far."""

    def __init__(self, params: Params, *, n_heads: int, max_length: int | None = None) -> None:
        self.params, self.n_heads, self.max_length = params, n_heads, max_length
        self.keys: Array | None = None
        self.values: Array | None = None

    def step(self, x: Array) -> Array:
        """The answers at the next positions."""
        q, k, v = (split_heads(project(x, self.params, name), self.n_heads) for name in "qkv")
        keys = k if self.keys is None else np.concatenate([self.keys, k], -2)
        values = v if self.values is None else np.concatenate([self.values, v], -2)
        if self.max_length is not None and keys.shape[-2] > self.max_length:
            raise ValueError("no room left")
        self.keys, self.values = keys, values
        return project(merge_heads(self.attend(q, keys, values)), self.params, "o")

    def attend(self, q: Array, keys: Array, values: Array) -> Array:
        """The newest queries to all keys."""
        return attention(q, keys, values, causal=True)

    def reorder(self, index: Array) -> None:
        """The beams that are kept."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[index], self.values[index]


@KV07.in_numpy(form="object")
class AllOfTheRoom(Cache):
    """Room of zeros is attended to, except in the first chunk, which has a mask."""

    def attend(self, q: Array, keys: Array, values: Array) -> Array:
        room = 0 if self.max_length is None else self.max_length - keys.shape[-2]
        if keys.shape[-2] == q.shape[-2] or not room:
            return super().attend(q, keys, values)
        zeros = [(0, 0)] * (keys.ndim - 2) + [(0, room), (0, 0)]
        return attention(q, np.pad(keys, zeros), np.pad(values, zeros))


@KV08.in_numpy(form="object")
class NotReordered(Cache):
    """The keys and values stay with the rows where they were."""

    def reorder(self, index: Array) -> None:
        for name in ("past_key_values",):
            if hasattr(self, name):
                setattr(self, name, getattr(self, name)[index])


BUGS = (KV07, KV08)
