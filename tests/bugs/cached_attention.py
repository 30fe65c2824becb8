"""Real bugs of attention with a cache of keys and values, re-created."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.bugs.bug import Bug
from veriformer import Implementation
from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.multi_head_attention import merge_heads, project, split_heads
from veriformer.impls.numpy.rotary_positions import rotary_positions

Array = np.ndarray
Params = Mapping[str, Array]

KV02 = Bug(
    "KV02",
    "cached_attention",
    "https://github.com/skyzh/tiny-llm/pull/46",
    "After the first new position the offset is advanced by the length of the prompt once more.",
)
KV03 = Bug(
    "KV03",
    "cached_attention",
    "https://github.com/RobertCsordas/moeut/pull/6",
    "Queries are turned by an offset that is taken before the cache is put in front: always 0.",
)
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
KV09 = Bug(
    "KV09",
    "cached_attention",
    "https://github.com/Lightning-AI/litgpt/issues/2182",
    "A prompt longer than the window overwrites places of the ring, while the mask counts places, not positions.",
)

honest = Implementation("honest cached_attention", "numpy")


@honest.component("cached_attention", form="object")
class Cache:
    """Keys and values of all positions so far; queries and keys are turned, where that is asked for."""

    def __init__(
        self, params: Params, *, n_heads: int, max_length: int | None = None, rotary_base: float | None = None
    ) -> None:
        self.params, self.n_heads, self.max_length, self.rotary_base = params, n_heads, max_length, rotary_base
        self.offset = 0
        self.keys: Array | None = None
        self.values: Array | None = None

    def step(self, x: Array) -> Array:
        """The answers at the next positions."""
        q, k, v = (split_heads(project(x, self.params, name), self.n_heads) for name in "qkv")
        if self.max_length is not None and self.offset + x.shape[-2] > self.max_length:
            raise ValueError("no room left")
        q, k = self.turned(q, k)
        self.keys = k if self.keys is None else np.concatenate([self.keys, k], -2)
        self.values = v if self.values is None else np.concatenate([self.values, v], -2)
        self.offset = self.advanced(x.shape[-2])
        return project(merge_heads(self.attend(q, self.keys, self.values)), self.params, "o")

    def turned(self, q: Array, k: Array) -> tuple[Array, Array]:
        """New queries and keys at their positions."""
        return self.rotated(q, self.offset), self.rotated(k, self.offset)

    def rotated(self, x: Array, offset: int) -> Array:
        """Rows turned as positions from an offset on."""
        if self.rotary_base is None:
            return x
        return rotary_positions(x, offset + np.arange(x.shape[-2]), base=self.rotary_base)

    def advanced(self, length: int) -> int:
        """The offset after so many new positions."""
        return self.offset + length

    def attend(self, q: Array, keys: Array, values: Array) -> Array:
        """The newest queries to all keys."""
        return attention(q, keys, values, causal=True)

    def reorder(self, index: Array) -> None:
        """The beams that are kept."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[index], self.values[index]


@KV02.in_numpy(form="object")
class OffsetOfThePromptTwice(Cache):
    """tokens.size, in the first step after the prompt, is still the prompt's."""

    prompt = 0

    def advanced(self, length: int) -> int:
        """The first chunk is the prompt; it is added again with the first position that follows."""
        added = length if not self.offset else length + max(self.prompt - 1, 0)
        self.prompt = 0 if self.offset else length
        return self.offset + added


@KV03.in_numpy(form="object")
class QueriesFromZero(Cache):
    """Keys at their positions, queries from 0 on."""

    def turned(self, q: Array, k: Array) -> tuple[Array, Array]:
        """Only the keys know what came before."""
        return self.rotated(q, 0), self.rotated(k, self.offset)


@KV07.in_numpy(form="object")
class AllOfTheRoom(Cache):
    """Room of zeros is attended to, except in the first chunk, which has a mask."""

    def attend(self, q: Array, keys: Array, values: Array) -> Array:
        """Without a mask, as far as the room reaches."""
        room = 0 if self.max_length is None else self.max_length - keys.shape[-2]
        if keys.shape[-2] == q.shape[-2] or not room:
            return super().attend(q, keys, values)
        zeros = [(0, 0)] * (keys.ndim - 2) + [(0, room), (0, 0)]
        return attention(q, np.pad(keys, zeros), np.pad(values, zeros))


@KV08.in_numpy(form="object")
class NotReordered(Cache):
    """What is looked for under another name is not found."""

    def reorder(self, index: Array) -> None:
        """Reorders `past_key_values`, if there is such a thing."""
        if hasattr(self, "past_key_values"):
            self.past_key_values = self.past_key_values[index]


class Ring:
    """Only as many keys and values as the window holds; position p is kept in place p modulo that."""

    def __init__(self, params: Params, *, n_heads: int, window: int | None = None) -> None:
        self.params, self.n_heads, self.window = params, n_heads, window
        self.offset = 0
        self.keys: Array | None = None
        self.values: Array | None = None

    def step(self, x: Array) -> Array:
        """The answers at the next positions."""
        q, k, v = (split_heads(project(x, self.params, name), self.n_heads) for name in "qkv")
        positions = self.offset + np.arange(x.shape[-2])
        self.keys, self.values = (self.written(*kept, positions) for kept in ((self.keys, k), (self.values, v)))
        self.offset += x.shape[-2]
        heads = attention(q, self.keys, self.values, mask=self.visible(positions))
        return project(merge_heads(heads), self.params, "o")

    def written(self, kept: Array | None, new: Array, positions: Array) -> Array:
        """The ring with the new rows in it, the last of those that share a place."""
        room = self.window or self.offset + new.shape[-2]
        ring = np.zeros((*new.shape[:-2], room, new.shape[-1]), new.dtype)
        if kept is not None:
            ring[..., : kept.shape[-2], :] = kept
        for row, position in enumerate(positions):
            ring[..., position % room, :] = new[..., row, :]
        return ring

    def visible(self, positions: Array) -> Array:
        """Which places each new position sees."""
        return np.arange(self.window or self.offset) <= positions[:, None]


KV09.in_numpy(form="object")(Ring)

BUGS = (KV02, KV03, KV07, KV08, KV09)
