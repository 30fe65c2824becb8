"""Wrong in a way that any component can be: each function breaks, for the component it is given, the law it is named after."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path
from veriformer.impls.tree import leaves, rebuild

Function = Callable[..., Any]


def _altered(function: Function, alter: Callable[[Any], Any]) -> Function:
    """The same signature, the answer altered."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        return alter(function(*arguments, **options))

    return wrong


def _each(answer: Any, alter: Callable[[Any], Any]) -> Any:
    """An answer, every floating number or array in it altered; a count of steps stays."""
    return rebuild(answer, lambda _, leaf: alter(leaf) if isinstance(leaf, float) or _is_floating(leaf) else leaf)


def _is_floating(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f"


def _times(answer: Any, factor: float) -> Any:
    """The answer, so many times as large, in its own dtype."""
    return _each(answer, lambda leaf: leaf * (leaf.dtype.type(factor) if _is_floating(leaf) else factor))


def is_deterministic(function: Function) -> Function:
    """Every second answer is a tenth too large, as if a generator were drawn from."""
    calls = iter(range(10**9))
    return _altered(function, lambda answer: _times(answer, 1 + 0.1 * (next(calls) % 2)))


def large_sizes_agree_with_the_spec(function: Function) -> Function:
    """Of more than a thousand numbers the last ones, for which a table or a grid has no room, stay what they were: 0."""
    return _altered(function, lambda answer: _each(answer, _cut))


def gradients_of_large_sizes_agree_with_the_spec_vjp(vjp: Function) -> Function:
    """So do the last of a gradient; and of a cotangent they are not seen."""

    @functools.wraps(vjp)
    def wrong(cotangent: Any, *arguments: Any, **options: Any) -> Any:
        return _each(vjp(_cut(cotangent), *arguments, **options), _cut)

    return wrong


def _cut(leaf: Any) -> Any:
    """Of more than a thousand numbers the last eight are 0."""
    if np.size(leaf) <= 1000:
        return leaf
    short = leaf.copy()
    short.reshape(-1)[-8:] = 0
    return short


def leaves_the_world_as_it_found_it(function: Function) -> Function:
    """Seeds the generator of everybody, to be reproducible."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        np.random.seed(0)
        return function(*arguments, **options)

    return wrong


def does_not_change_its_arguments(function: Function) -> Function:
    """Works in place: the first array that may be written is overwritten with zeros and a one."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        answer = _each(function(*arguments, **options), np.array)
        for _, leaf in leaves(arguments):
            if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
                leaf[...] = 0
                leaf.flat[-1] = 1
                break
        return answer

    return wrong


def keeps_the_dtype(function: Function) -> Function:
    """Answers in float64, whatever came in."""
    return _altered(function, lambda answer: _each(answer, lambda leaf: leaf.astype(np.float64)))


def does_not_care_how_its_arguments_lie_in_memory(function: Function) -> Function:
    """Reads every array from the start of its buffer on, one number after the other, as C code with a bare pointer."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        return function(*rebuild(arguments, lambda _, leaf: _as_it_lies(leaf)), **options)

    return wrong


def _as_it_lies(leaf: Any) -> Any:
    """The numbers in the buffer under an array, from the first on."""
    base = getattr(leaf, "base", None)
    if not isinstance(base, np.ndarray) or leaf.dtype.kind != "f":
        return leaf
    return np.resize(base.ravel(order="K"), leaf.shape)


def a_batch_is_its_rows_one_by_one(function: Function) -> Function:
    """Takes a statistic over all that was handed over: a tenth of the mean of everything is added everywhere."""
    return _altered(function, lambda answer: answer + answer.mean(dtype=answer.dtype) / 10)


def a_second_call_after_other_shapes_answers_the_same(function: Function) -> Function:
    """Answers in buffers that all calls share: the next answer overwrites the last."""
    buffers: dict[Path, np.ndarray] = {}

    def shared(path: Path, leaf: Any) -> Any:
        if not _is_floating(leaf):
            return leaf
        if path not in buffers or buffers[path].size < leaf.size or buffers[path].dtype != leaf.dtype:
            buffers[path] = np.zeros(10 * leaf.size + 100, leaf.dtype)
        view = buffers[path][: leaf.size].reshape(leaf.shape)
        view[...] = leaf
        return view

    return _altered(function, lambda answer: rebuild(answer, shared))


_recording: list[bool] = []
"""Set by the pullback, and taken off by the forward call after it: the one that is made while gradients are recorded."""


def recording_gradients_changes_nothing(function: Function) -> Function:
    """A twentieth is missing while gradients are recorded, as if dropout were on."""
    return _altered(function, lambda answer: _times(answer, 0.95) if _taken_off() else answer)


def recording_gradients_changes_nothing_vjp(vjp: Function) -> Function:
    """The pullback says that gradients are being recorded."""

    @functools.wraps(vjp)
    def telling(*arguments: Any, **options: Any) -> Any:
        _recording.append(True)
        return vjp(*arguments, **options)

    return telling


def the_backward_pass_changes_nothing_that_it_is_given_vjp(vjp: Function) -> Function:
    """The cotangent is used up: where it may be written it holds zeros afterwards, and a one."""

    @functools.wraps(vjp)
    def wrong(cotangent: Any, *arguments: Any, **options: Any) -> Any:
        gradients = vjp(np.array(cotangent), *arguments, **options)
        if cotangent.flags.writeable:
            cotangent[...] = 0
            cotangent.flat[-1:] = 1
        return gradients

    return wrong


def gradients_do_not_care_how_arrays_lie_in_memory_vjp(vjp: Function) -> Function:
    """Reads the cotangent from the start of its buffer on, one number after the other."""

    @functools.wraps(vjp)
    def wrong(cotangent: Any, *arguments: Any, **options: Any) -> Any:
        return vjp(_as_it_lies(cotangent), *arguments, **options)

    return wrong


def _taken_off() -> bool:
    recording = bool(_recording)
    _recording.clear()
    return recording


def an_empty_batch_gives_an_empty_answer(function: Function) -> Function:
    """One example is answered at least, as if a kernel could not be launched for none."""
    return _altered(
        function, lambda answer: _each(answer, lambda leaf: leaf if leaf.size else np.zeros((1, *leaf.shape[1:])))
    )


def an_empty_batch_gives_no_gradient_vjp(vjp: Function) -> Function:
    """Sums over the examples, divided by their number and multiplied by it again: 0 / 0."""

    @functools.wraps(vjp)
    def wrong(cotangent: Any, *arguments: Any, **options: Any) -> Any:
        number = cotangent.dtype.type(cotangent.size)
        with np.errstate(invalid="ignore"):
            return _each(
                vjp(cotangent, *arguments, **options), lambda leaf: leaf / number * number if leaf.size else leaf[None]
            )

    return wrong


def what_stands_behind_a_mask_does_not_matter(function: Function) -> Function:
    """0 times the sum of all arguments is added, as is done to let every parameter have a gradient: 0 * nan is nan."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        answer = function(*arguments, **options)
        floating = [leaf for _, leaf in leaves(arguments) if _is_floating(leaf)]
        return answer + 0 * sum((leaf.sum(dtype=answer.dtype) for leaf in floating), answer.dtype.type(0))

    return wrong


def remembers_nothing_of_earlier_calls(function: Function) -> Function:
    """Keeps its first answer for arguments of these shapes, as a table is kept under the length of a sequence."""
    kept: dict[str, Any] = {}

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        key = repr([(path, np.shape(leaf)) for path, leaf in leaves((arguments, options))])
        if key not in kept:
            kept[key] = function(*arguments, **options)
        return kept[key]

    return wrong


def answers_several_threads_at_once(function: Function) -> Function:
    """The arguments wait in one place for all calls until they are worked on."""
    waiting: dict[str, Any] = {}

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        waiting["call"] = arguments, options
        time.sleep(1e-3)
        given, chosen = waiting["call"]
        return function(*given, **chosen)

    return wrong


def does_not_care_whether_arguments_are_one_object(function: Function) -> Function:
    """One object handed over twice is taken for a case of its own, whose answer is a tenth too large."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        answer = function(*arguments, **options)
        twice = len({id(argument) for argument in arguments}) < len(arguments)
        return _times(answer, 1.1) if twice else answer

    return wrong


def what_is_no_number_stays_in_its_example(function: Function) -> Function:
    """0 times the sum of the answer is added to all of it, as a check that nothing was left out: 0 * nan is nan."""
    return _altered(function, lambda answer: answer + 0 * answer.sum(dtype=answer.dtype))


def nan_is_not_lost(function: Function) -> Function:
    """nan is answered with 0, as by a maximum that takes the other number."""
    return _altered(function, lambda answer: np.where(np.isnan(answer), 0, answer).astype(answer.dtype))


def infinities_have_their_limits(function: Function) -> Function:
    """Kept inside the range of the dtype, "to be safe"."""

    def clipped(answer: Any) -> Any:
        top = np.finfo(answer.dtype).max
        return np.clip(answer, -top, top)

    return _altered(function, clipped)


def a_logit_of_minus_infinity_is_none(function: Function) -> Function:
    """Minus infinity is taken for a mark of missing values, and read as -1."""

    @functools.wraps(function)
    def wrong(x: Any, **options: Any) -> Any:
        return function(np.where(np.isneginf(x), x.dtype.type(-1), x), **options)

    return wrong
