"""Wrong in a way that any component can be: each function breaks, for the component it is given, the law it is named after."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from veriformer.impls.tree import leaves, rebuild

Function = Callable[..., Any]


def _altered(function: Function, alter: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> Function:
    """The same signature, the answer altered: `alter(answer, arguments, options)`."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        return alter(function(*arguments, **options), arguments, options)

    return wrong


def is_deterministic(function: Function) -> Function:
    """Every second answer is a tenth too large, as if a generator were drawn from."""
    calls = iter(range(10**9))
    return _altered(function, lambda answer, *_: answer * answer.dtype.type(1 + 0.1 * (next(calls) % 2)))


def does_not_change_its_arguments(function: Function) -> Function:
    """Works in place: the first array that may be written is overwritten with zeros and a one."""

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        answer = np.array(function(*arguments, **options))
        for _, leaf in leaves(arguments):
            if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
                leaf[...] = 0
                leaf.flat[-1] = 1
                break
        return answer

    return wrong


def keeps_the_dtype(function: Function) -> Function:
    """Answers in float64, whatever came in."""
    return _altered(function, lambda answer, *_: answer.astype(np.float64))


def does_not_care_how_its_arguments_lie_in_memory(function: Function) -> Function:
    """Reads every array from the start of its buffer on, one number after the other, as C code with a bare pointer."""

    def as_it_lies(_: Any, leaf: Any) -> Any:
        base = getattr(leaf, "base", None)
        if not isinstance(base, np.ndarray) or leaf.dtype.kind != "f":
            return leaf
        return np.resize(base.ravel(order="K"), leaf.shape)

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        return function(*rebuild(arguments, as_it_lies), **options)

    return wrong


def a_batch_is_its_rows_one_by_one(function: Function) -> Function:
    """Takes a statistic over all that was handed over: a tenth of the mean of everything is added everywhere."""
    return _altered(function, lambda answer, *_: answer + answer.mean(dtype=answer.dtype) / 10)


def a_second_call_after_other_shapes_answers_the_same(function: Function) -> Function:
    """Answers in one buffer that all calls share: the next answer overwrites the last."""
    buffer: list[np.ndarray] = []

    def shared(answer: np.ndarray, *_: Any) -> np.ndarray:
        if not buffer or buffer[0].size < answer.size or buffer[0].dtype != answer.dtype:
            buffer[:] = [np.zeros(10 * answer.size + 100, answer.dtype)]
        view = buffer[0][: answer.size].reshape(answer.shape)
        view[...] = answer
        return view

    return _altered(function, shared)


_recording: list[bool] = []
"""Set by the pullback, and taken off by the forward call after it: the one that is made while gradients are recorded."""


def recording_gradients_changes_nothing(function: Function) -> Function:
    """A twentieth is missing while gradients are recorded, as if dropout were on."""
    return _altered(function, lambda answer, *_: answer * answer.dtype.type(0.95) if _taken_off() else answer)


def recording_gradients_changes_nothing_vjp(vjp: Function) -> Function:
    """The pullback says that gradients are being recorded."""

    @functools.wraps(vjp)
    def telling(*arguments: Any, **options: Any) -> Any:
        _recording.append(True)
        return vjp(*arguments, **options)

    return telling


def _taken_off() -> bool:
    recording = bool(_recording)
    _recording.clear()
    return recording


def what_stands_behind_a_mask_does_not_matter(function: Function) -> Function:
    """0 times the sum of all arguments is added, as is done to let every parameter have a gradient: 0 * nan is nan."""

    def plus_nothing(answer: Any, arguments: tuple[Any, ...], _: Any) -> Any:
        floating = [leaf for _, leaf in leaves(arguments) if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"]
        return answer + 0 * sum((leaf.sum(dtype=answer.dtype) for leaf in floating), answer.dtype.type(0))

    return _altered(function, plus_nothing)
