"""Special values: what is no number, infinities and the zero below zero, where the formula or IEEE 754 says what comes out.

IEEE 754-2019: an operation on nan answers nan (section 6.2.3), also `maximum` (section 9.6); inf - inf, 0 inf and inf / inf are
nan (section 7.2); arithmetic with infinities is the limit of arithmetic with large numbers (section 6.1). C, annex F, says the
same of exp, erf and tanh at infinity. Where these sources leave several answers, all of them are admitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.batches import batch, lengths
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.formula import is_floating
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, among, differing, relation
from veriformer.properties.probes import Draw, Row
from veriformer.properties.truth import within
from veriformer.spec import COMPONENTS

ORDINARY = ("normal", "integers", "small", "offset")
"""Kinds of the numbers beside a special one."""


def filled(array: np.ndarray, places: Any, value: float) -> np.ndarray:
    """The array with a special value in some places."""
    out = array.copy()
    out[places] = value
    return out


def sprinkled(array: np.ndarray, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """The array with infinities of either sign in this share of its places."""
    infinities = np.where(rng.random(array.shape) < 0.5, np.inf, -np.inf)
    return np.asarray(
        np.where(rng.random(array.shape) < share, infinities, array.astype(np.float64)).astype(array.dtype)
    )


def numbers(answer: Answer, wanted: tuple[int, ...]) -> np.ndarray | None:
    """The one array answered, as it came; None where it has another shape. No truth is asked for: there may be none."""
    got = np.asarray(answer.reply.outputs)
    return got.astype(np.float64) if got.shape == wanted else None


# -- Every component that answers each example of a batch by itself ------------------------------------------------------------


def laws(subject: Subject) -> Iterator[Law]:
    """The law of every component that has a batch of numbers, and keeps no state."""
    if {"x", "q"} & subject.batched.keys():
        yield law_of_examples(subject)


def law_of_examples(subject: Subject) -> Law:
    """The law, for one component with a batch of numbers."""
    return subject.law(
        "What is no number in one example of a batch does not touch the others.",
        draw=with_one_spoilt(subject),
        rows=tuple(row for row in subject.rows if row.get("batch") or len(row.get("shape", ())) > 1),
        kinds=tuple(kind for kind in ORDINARY if kind in (subject.kinds or ORDINARY)),
    )(what_is_no_number_stays_in_its_example)


def with_one_spoilt(subject: Subject) -> Callable[[Draw], Case]:
    """Cases with a batch, one example of it, and what is written all over that one."""
    draw_batch = batch(subject)

    def draw(recipe: Draw) -> Case:
        case = draw_batch(recipe)
        rng = recipe.rng("spoilt")
        one, filling = int(rng.integers(max(lengths(subject, case)))), str(rng.choice(["nan", "inf", "-inf"]))
        return case.but(extra={**case.extra, "spoilt": one, "filling": filling})

    return draw


def spoilt(case: Case, subject: Subject) -> Case:
    """The case with no numbers all over one example; what is broadcast along the batch stays."""
    size, one, filling = max(lengths(subject, case)), case.extra["spoilt"], float(case.extra["filling"])
    names = COMPONENTS[subject.component].positional

    def change(name: str, value: Any) -> Any:
        def fill(_: Any, leaf: Any) -> Any:
            whole = is_floating(leaf) and leaf.ndim > subject.batched[name] and leaf.shape[0] == size
            return filled(leaf, one, filling) if whole else leaf

        return rebuild(value, fill) if name in subject.batched else value

    arguments = [change(name, value) for name, value in zip(names, case.arguments, strict=False)]
    return case.with_arguments(arguments)


def what_is_no_number_stays_in_its_example(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x')[b] = f(x)[b] for every b but one, where x' differs from x, and is no number, in that one alone."""
    from veriformer.properties import SUBJECTS

    clean = experiment.ask(case)
    other = experiment.ask(spoilt(case, SUBJECTS[experiment.component.name]))
    found = dict(leaves(other.reply.outputs))
    evidence = []
    for path, plain, truth in clean.each():
        got = np.asarray(found.get(path))
        if got.shape != plain.shape:
            return (differing("shape of the answer beside no numbers", got.shape, plain.shape),)
        whole = relation(f"answer beside no numbers{within(path)}", got, plain, 2 * truth.bound, truth.scale)
        kept = np.arange(len(plain)).reshape(-1, *[1] * (plain.ndim - 1)) != case.extra["spoilt"]
        same = np.array_equal(got[kept.ravel()], plain[kept.ravel()], equal_nan=True)
        evidence.append(replace(among(whole, np.broadcast_to(kept, plain.shape)), bitwise=bool(same)))
    return tuple(evidence)


# -- nan is not lost -----------------------------------------------------------------------------------------------------------


def law_of_nan(
    subject: Subject,
    sentence: str,
    *,
    row: bool,
    positions: tuple[int, ...] = (0,),
    rows: tuple[Row, ...] | None = None,
) -> Law:
    """nan in one place of an argument is nan in the same place of the answer, or, if so said, in all of its row.

    positions: of the arguments that it may stand in.
    """

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        position = int(recipe.rng("position").choice(positions))
        array = case.arguments[position]
        if not array.size:
            raise NotJudged("no number goes in")
        place = tuple(int(recipe.rng("place").integers(length)) for length in array.shape)
        return case.replacing(position, filled(array, place, np.nan)).but(extra={"place": place})

    def nan_is_not_lost(case: Case, experiment: Experiment) -> Evidence:
        place = case.extra["place"][:-1] if row else case.extra["place"]
        answer = np.asarray(experiment.ask(case).reply.outputs).astype(np.float64)
        if answer.ndim < len(place):
            return differing("number of axes of the answer", answer.ndim, case.arguments[0].ndim)
        if any(index >= length for index, length in zip(place, answer.shape, strict=False)):
            return differing("shape of the answer", answer.shape, f"one with an element at {tuple(place)}")
        got = np.atleast_1d(answer[tuple(place)])
        return relation("answer where nan went in", got, np.full(got.shape, np.nan), 0.0)

    return subject.law(sentence, draw=draw, kinds=ORDINARY, rows=rows)(nan_is_not_lost)


# -- Functions of single numbers -----------------------------------------------------------------------------------------------


def law_of_limits(subject: Subject, below: tuple[float, ...]) -> Law:
    """What a function that passes what is positive answers to infinities. below: what it may answer to minus infinity."""

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        (x,) = case.arguments
        marked = sprinkled(x, recipe.rng("infinities"), share=0.7)
        if np.isfinite(marked.astype(np.float64)).all():
            raise NotJudged("no infinity was drawn")
        return case.replacing(0, marked)

    def infinities_have_their_limits(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
        (x,) = case.arguments
        x = x.astype(np.float64)
        got = numbers(experiment.ask(case), x.shape)
        if got is None:
            return (differing("shape of the answer", "another", x.shape),)
        top, bottom = got[x == np.inf], got[x == -np.inf]
        admitted = (np.isnan(bottom) & np.isnan(below).any()) | np.isin(bottom, below)
        wanted = np.where(admitted, bottom, below[0])
        return (
            relation("answer to infinity", top, np.full(top.shape, np.inf), 0.0),
            relation("answer to minus infinity", bottom, wanted, 0.0),
        )

    return subject.law("Infinity passes, and minus infinity does not.", draw=draw, kinds=ORDINARY)(
        infinities_have_their_limits
    )


# -- A logit of minus infinity -------------------------------------------------------------------------------------------------


def drawn_without_a_column(recipe: Draw, case: Case) -> Case:
    """The case with one of its columns (the last axis of the first argument) chosen, there being others."""
    columns = case.arguments[0].shape[-1]
    if columns < 2:
        raise NotJudged("there is but one entry")
    return case.but(extra={**case.extra, "column": int(recipe.rng("column").integers(columns))})


def with_minus_infinity(case: Case) -> Case:
    """Minus infinity all over the chosen column."""
    x = case.arguments[0]
    return case.replacing(0, filled(x, (..., case.extra["column"]), -np.inf))


def without_the_column(array: np.ndarray, case: Case) -> np.ndarray:
    """An array with that many columns, the chosen one left out."""
    return np.delete(array, case.extra["column"], axis=-1)


def law_of_a_removed_entry(subject: Subject, there: float, rows: tuple[Row, ...]) -> Law:
    """A logit of minus infinity is a logit that is not there. there: the answer in its place."""

    def a_logit_of_minus_infinity_is_none(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
        """exp(-inf) = 0: f(x with -inf) is f of the others, and exactly the limit where the logit is."""
        (x,) = case.arguments
        got = numbers(experiment.ask(with_minus_infinity(case)), x.shape)
        if got is None:
            return (differing("shape of the answer", "another", x.shape),)
        column = got[..., [case.extra["column"]]]
        truth = experiment.truth_of(experiment.component, case.replacing(0, without_the_column(x, case)))
        return (
            relation("answer to minus infinity", column, np.full(column.shape, there), 0.0),
            truth.evidence("answer to the other logits", without_the_column(got, case)),
        )

    return subject.law(
        "A logit of minus infinity is a logit that is not there.",
        rows=rows,
        draw=lambda recipe: drawn_without_a_column(recipe, subject.draw(recipe)),
    )(a_logit_of_minus_infinity_is_none)
