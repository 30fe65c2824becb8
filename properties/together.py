"""Together: the truths of many cases of one size, found at once. To a formula they are a batch, and of arrays of a few numbers
most of the time of a truth goes to the calls, not to the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from veriformer.impls.protocol import COTANGENT, Path
from veriformer.properties.experiment import Experiment
from veriformer.properties.formula import Question, is_floating
from veriformer.properties.law import Case, Law
from veriformer.properties.truth import BITS, Balls, Truth
from veriformer.spec.numbers import Ball, Bounded, Enclosure

LARGE = 16_384
"""From so many numbers in a case on, it is the numbers that take the time."""


def foresee(law: Law, cases: Iterable[Case], experiment: Experiment) -> None:
    """Find the truths that a law of agreement will want of these cases, those of one shape at once. Only a component all of
    whose arrays have batch axes can be asked so; where it cannot, each truth is found when it is wanted."""
    if law.subject is None or not law.thorough or experiment.component.from_answer:
        return
    kind = b"gradients" if law.gradients else b"outputs"
    groups: dict[str, dict[bytes, Question]] = {}
    for case in cases:
        question = experiment.question(case, case.extra[COTANGENT] if law.gradients else None)
        if can_be_stacked(question, law.subject.batched):
            experiment.foreseen[id(case)] = (case, question)
            groups.setdefault(shapes(question), {})[question.key + kind] = question
    for group in groups.values():
        wanted = {key: question for key, question in group.items() if key not in experiment.truths.known}
        if len(wanted) > 1:
            together(wanted, law.subject.batched, kind, experiment)


def can_be_stacked(question: Question, batched: Mapping[str, int]) -> bool:
    """Are all arrays that go in small, and has each of them batch axes?"""
    everything = {**arguments_of(question), **question.options}
    arrays = {name: value for name, value in everything.items() if isinstance(value, np.ndarray)}
    plain = all(name in arrays or np.isscalar(value) or value is None for name, value in everything.items())
    return plain and bool(arrays) and arrays.keys() <= batched.keys() and sum(a.size for a in arrays.values()) < LARGE


def arguments_of(question: Question) -> dict[str, Any]:
    """The arguments by their names."""
    return dict(zip(question.component.positional, question.arguments, strict=False))


def shapes(question: Question) -> str:
    """What cases that are found together have in common: all but the numbers in their arrays."""
    narrow = [p for p in (question.precision, question.layer) if p and p.rounds_between]

    def of(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        # of an array as a whole it is known whether a narrower format holds it
        held = [Bounded.given(value, precision).is_held() for precision in narrow] if is_floating(value) else []
        return value.shape, value.dtype.num, held

    options = sorted((name, of(value)) for name, value in question.options.items())
    return repr((question.aliases, [of(a) for a in question.arguments], options, of(question.cotangent)))


def together(
    questions: Mapping[bytes, Question], batched: Mapping[str, int], kind: bytes, experiment: Experiment
) -> None:
    """Put the truths of questions of one shape into the cache, each under its key."""
    stack = stacked(list(questions.values()), batched)
    joint = stack.gradients() if kind == b"gradients" else stack.outputs()
    for number, (key, question) in enumerate(questions.items()):
        one = partial(one_of, joint, number, question, kind)
        experiment.truths.of(key, one)


def stacked(questions: Sequence[Question], batched: Mapping[str, int]) -> Question:
    """One question, of which the given ones are the examples: each array gets as many batch axes as the case has, so that what
    is shared within one case is not shared between cases."""
    first, arguments = questions[0], [arguments_of(q) for q in questions]
    everything = {**arguments[0], **first.options}
    ranks = [a.ndim - batched[name] for name, a in everything.items() if isinstance(a, np.ndarray)]

    def joined(name: str, arrays: Sequence[Any]) -> Any:
        if not isinstance(arrays[0], np.ndarray):
            return arrays[0]
        missing = max(ranks) - (arrays[0].ndim - batched[name])
        return np.stack(arrays).reshape(len(arrays), *(1,) * missing, *arrays[0].shape)

    return replace(
        first,
        arguments=tuple(joined(name, [one[name] for one in arguments]) for name in arguments[0]),
        options={name: joined(name, [q.options[name] for q in questions]) for name in first.options},
        cotangent=None if first.cotangent is None else np.stack([np.asarray(q.cotangent) for q in questions]),
    )


def one_of(joint: list[tuple[Path, Truth]], number: int, question: Question, kind: bytes) -> list[tuple[Path, Truth]]:
    """The truths of one of the questions. Where balls of floats, or else the first working precision, are not enough for it, it
    goes on alone: few do."""
    gradients = kind == b"gradients"
    alone = Balls(question.pulled if gradients else question.answered)
    scale = None if gradients else question.scale

    def cut(index: int, path: Path, whole: Truth) -> Truth:
        def mine(array: np.ndarray) -> np.ndarray:
            own = array[number]
            return own.reshape(np.shape(question.arguments[int(path[0])])) if gradients else own

        def formula(bits: int) -> Ball:
            together = bits == BITS[0] and whole.in_floats() is None
            return whole.formula(bits).rearranged(mine) if together else alone.at(index, bits)

        def in_floats() -> Enclosure | None:
            floats = whole.in_floats()
            return None if floats is None else floats.rearranged(mine)

        layer, said = None if whole.layer is None else mine(whole.layer), whole.nan_is_said
        return Truth(mine(whole.value), mine(whole.bound), scale, formula, in_floats, layer=layer, nan_is_said=said)

    return [(path, cut(index, path, whole)) for index, (path, whole) in enumerate(joint)]
