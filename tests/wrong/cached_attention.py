"""Wrong caches: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.cached_attention import Buffer, CachedAttention
from veriformer.impls.numpy.multi_head_attention import merge_heads, project, split_heads

Array = np.ndarray


def _kept_in(buffer: type[Buffer], params: Any, *, max_length: int | None = None, **options: Any) -> CachedAttention:
    """The honest cache with other buffers."""
    cache = CachedAttention(params, max_length=max_length, **options)
    cache.keys, cache.values = buffer(max_length), buffer(max_length)
    return cache


class _OffByOne(Buffer):
    def append(self, new: Array) -> Array:
        rows = super().append(new)
        self.length -= 1
        return rows


def agrees_with_the_spec(params: Any, **options: Any) -> CachedAttention:
    """The position is one behind: what is new is written over the key and the value before it."""
    return _kept_in(_OffByOne, params, **options)


class _Masked(CachedAttention):
    """`visible(length_q, length_k)` says which keys each new position sees; it knows neither windows nor rotations."""

    def __init__(self, params: Any, *, n_heads: int, max_length: int | None = None) -> None:
        super().__init__(params, n_heads=n_heads, max_length=max_length)

    def step(self, x_new: Array) -> Array:
        q, k, v = (split_heads(project(x_new, self.params, name), self.n_heads) for name in "qkv")
        keys, values = self.keys.append(k), self.values.append(v)
        heads = attention(q, keys, values, mask=self.visible(q.shape[-2], keys.shape[-2]))
        return project(merge_heads(heads), self.params, "o")

    def visible(self, length_q: int, length_k: int) -> Array:
        raise NotImplementedError


class _FromTheFirstKey(_Masked):
    def visible(self, length_q: int, length_k: int) -> Array:
        return np.tri(length_q, length_k, dtype=bool)


def steps_are_the_rows_of_the_whole(params: Any, *, n_heads: int, max_length: int | None = None) -> CachedAttention:
    """The causal triangle starts at the first key, wherever the queries stand: pytorch/pytorch#144858."""
    return _FromTheFirstKey(params, n_heads=n_heads, max_length=max_length)


class _Unmasked(_Masked):
    def visible(self, length_q: int, length_k: int) -> Array:
        return np.ones((length_q, length_k), bool)


def chunks_of_any_sizes_give_the_same(params: Any, *, n_heads: int, max_length: int | None = None) -> CachedAttention:
    """No mask, since a single position needs none: in a chunk each position sees those after it."""
    return _Unmasked(params, n_heads=n_heads, max_length=max_length)


class _OfAll(CachedAttention):
    keys = Buffer(None)
    values = Buffer(None)

    def __init__(self, params: Any, *, max_length: int | None = None, **options: Any) -> None:
        super().__init__(params, max_length=max_length, **options)
        del self.keys, self.values
        _OfAll.keys, _OfAll.values = Buffer(max_length), Buffer(max_length)


def two_sequences_by_turns_do_not_see_each_other(params: Any, **options: Any) -> CachedAttention:
    """Keys and values belong to the class, which forgets them when an object is built."""
    return _OfAll(params, **options)


class _KeysAlone(CachedAttention):
    def reorder(self, index: Array) -> None:
        self.keys.reorder(index)


def reordering_is_decoding_the_reordered_sequences(params: Any, **options: Any) -> CachedAttention:
    """The keys are reordered, the values are not."""
    return _KeysAlone(params, **options)


class _OneAnswer(CachedAttention):
    answer: Array | None = None

    def step(self, x_new: Array) -> Array:
        answer = super().step(x_new)
        if self.answer is None or self.answer.shape != answer.shape:
            self.answer = answer
        self.answer[...] = answer
        return self.answer


def later_steps_leave_earlier_answers_alone(params: Any, **options: Any) -> CachedAttention:
    """All answers of an object are one array, written anew by each step."""
    return _OneAnswer(params, **options)


class _Ring(Buffer):
    def append(self, new: Array) -> Array:
        kept = new if self.rows is None else np.concatenate([self.rows, new], axis=-2)
        self.rows = kept if self.max_length is None else kept[..., -max(self.max_length - 1, 1) :, :]
        return self.rows


def reserved_room_changes_nothing(params: Any, **options: Any) -> CachedAttention:
    """A ring with one place too few: the last position takes the place of the first."""
    return _kept_in(_Ring, params, **options)


class _Clamped(Buffer):
    def append(self, new: Array) -> Array:
        if self.max_length is not None:
            self.length = min(self.length, self.max_length - new.shape[-2])
        return super().append(new)


def never_forgets_in_silence_beyond_max_length(params: Any, **options: Any) -> CachedAttention:
    """Beyond the end the last place is written again and again, as dynamic_update_slice clamps where it writes."""
    return _kept_in(_Clamped, params, **options)


class _WiderWindow(CachedAttention):
    """The window is one position wider."""

    def step(self, x_new: Array) -> Array:
        self.window = self.window and self.window + 1
        answer = super().step(x_new)
        self.window = self.window and self.window - 1
        return answer


def what_is_beyond_the_window_is_forgotten(params: Any, **options: Any) -> CachedAttention:
    """A ring with one place too many: each position sees one more than the window holds."""
    return _WiderWindow(params, **options)
