"""Laws of a batch without examples: the answer is empty too, and no parameter gets a gradient.

Beyond the paper: who raises is `unsupported`. Who answers is held to it. One case says it all, and none is drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.tree import leaves
from veriformer.properties.batches import lengths, with_batches
from veriformer.properties.experiment import Experiment
from veriformer.properties.formula import is_floating
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, differing
from veriformer.properties.probes import Draw, Row

EXTENSION = "an empty batch"


def laws(subject: Subject) -> Iterator[Law]:
    """Both, for a component whose arrays have batch axes."""
    rows = smallest_with_a_batch(subject)
    if not rows or subject.form == "object":
        return
    draw, kinds = emptied(subject), ("normal",)
    forward = subject.law("Of no examples there are no answers.", draw=draw, rows=rows, kinds=kinds)
    yield replace(forward(an_empty_batch_gives_an_empty_answer), dear=True)
    if subject.differentiable:
        backward = subject.law("No examples, no gradient.", draw=draw, rows=rows, kinds=kinds, gradients=True)
        yield replace(backward(an_empty_batch_gives_no_gradient), backends=("numpy", "torch"), dear=True)


def smallest_with_a_batch(subject: Subject) -> tuple[Row, ...]:
    """The first size that has a batch: one, since each costs JAX a compilation."""
    for row in subject.rows:
        try:
            case = subject.draw(Draw(row, "normal", 0, "float32", subject.top("float32")))
        except NotJudged:
            continue
        if any(lengths(subject, case)):
            return (row,)
    return ()


def emptied(subject: Subject) -> Callable[[Draw], Case]:
    """Cases without examples: parameters, and what is broadcast along the batch, stay."""

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        size = max(lengths(subject, case))
        empty = with_batches(case, subject, lambda leaf: leaf[:0] if leaf.shape[0] == size else leaf)
        return empty.but(extension=EXTENSION)

    return draw


def shape_of_the_answer(case: Case, experiment: Experiment) -> tuple[int, ...]:
    """The shape that the formula gives the answer."""
    return np.shape(experiment.question(case).in_floats())


def an_empty_batch_gives_an_empty_answer(case: Case, experiment: Experiment) -> Evidence:
    """f of arrays of shape (0, ...) has the shape (0, ...)."""
    found: Any = experiment.ask(case).reply.outputs
    return differing("shape of the output", np.shape(found), shape_of_the_answer(case, experiment))


def an_empty_batch_gives_no_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Sums over no examples: every gradient is 0, of the shape of its argument."""
    cotangent = np.zeros(shape_of_the_answer(case, experiment), experiment.dtype)
    answer = experiment.ask(case, cotangent=cotangent)
    aliased = {other for group in case.aliases for other in group[1:]}
    floating = [(path, leaf) for path, leaf in leaves(case.arguments) if is_floating(leaf) and path[0] not in aliased]
    evidence = []
    for path, leaf in floating:
        gradient = answer.gradient(path)
        named = f"gradient of {answer.named(path)}"
        if gradient is None or np.shape(gradient) != leaf.shape:
            got = "none: no derivative reached it" if gradient is None else np.shape(gradient)
            evidence.append(differing(f"shape of the {named}", got, leaf.shape))
        else:
            evidence.append(differing(named, np.asarray(gradient), np.zeros(leaf.shape)))
    return tuple(evidence)
