"""Batches: their draws, each of their examples alone, and the law that says that this is all they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw
from veriformer.properties.truth import within
from veriformer.spec import COMPONENTS

ASKED_ALONE = 16
"""Of more examples, these many are asked one by one: each costs a call, and agreement has seen them all."""


def batch(subject: Subject) -> Callable[[Draw], Case]:
    """Cases with a batch of at least two examples."""

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        if not any(lengths(subject, case)):
            raise NotJudged("no batch")
        if subject.form == "object" and any(method != "step" for method, *_ in case.arguments[-1]):
            raise NotJudged("what other methods do to the rows of a batch is not known")
        return case

    return draw


def lengths(subject: Subject, case: Case) -> list[int]:
    """The lengths of the first batch axis of everything that has one."""
    found = [a.shape[0] for name, a in named(case, subject) if a.ndim > subject.batched[name]]
    return [length for length in found if length > 1]


def named(case: Case, subject: Subject) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays, in arguments and options, that can have batch axes."""
    everything = {**dict(zip(COMPONENTS[subject.component].positional, case.arguments, strict=False)), **case.options}
    for name in subject.batched:
        yield from ((name, leaf) for _, leaf in leaves(everything.get(name)) if isinstance(leaf, np.ndarray))


def a_batch_is_its_rows_one_by_one(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x)[b] = f(x[b]) for every b; f(x[b:b+1])[0] of who supports certain ranks alone."""
    from veriformer.properties import SUBJECTS

    subject = SUBJECTS[experiment.component.name]
    ranked = "rank" in experiment.door.offers[experiment.component.name].only
    whole = experiment.ask(case)
    evidence = []
    for b in first_and_last(max(lengths(subject, case))):
        one = experiment.ask(example(case, subject, b, of_the_same_rank=ranked))
        for (path, together, truth), (_, alone, own) in zip(whole.each(), one.each(), strict=True):
            wanted, own_bound, own_scale = (a[0] if ranked else a for a in (alone, own.bound, own.scale))
            got, bound, scale = together[b], truth.bound[b], np.maximum(truth.scale[b], own_scale)
            allowed = bound + own_bound if bound.shape == own_bound.shape else np.inf
            part = relation(f"example {b} of the batch{within(path)}", got, wanted, allowed, scale)
            evidence.append(replace(part, bitwise=bool(np.array_equal(got, wanted, equal_nan=True))))
    return tuple(evidence)


def first_and_last(size: int) -> list[int]:
    """The numbers of the examples that are asked alone: all, or the first and the last ones."""
    half = ASKED_ALONE // 2
    return [b for b in range(size) if b < half or b >= size - half]


def example(case: Case, subject: Subject, b: int, *, of_the_same_rank: bool = False) -> Case:
    """One example of a batched case, or a batch of it alone; what is broadcast along the batch stays."""
    size = max(lengths(subject, case))

    def one(leaf: np.ndarray) -> np.ndarray:
        here = b if leaf.shape[0] == size else 0
        return leaf[here : here + 1] if of_the_same_rank else leaf[here]

    return with_batches(case, subject, one)


def with_batches(case: Case, subject: Subject, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    """The case, with everything changed that has a batch axis."""

    def changed(name: str, value: Any) -> Any:
        def leaf_of(_: Path, leaf: Any) -> Any:
            return change(leaf) if isinstance(leaf, np.ndarray) and leaf.ndim > subject.batched[name] else leaf

        return rebuild(value, leaf_of) if name in subject.batched else value

    names = COMPONENTS[subject.component].positional
    arguments = [changed(name, value) for name, value in zip(names, case.arguments, strict=False)]
    return case.with_arguments(arguments, options={name: changed(name, value) for name, value in case.options.items()})
