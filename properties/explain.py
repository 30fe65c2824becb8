"""Explain: which term of a bound is the large one, at the element where a record's error is the largest share of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from veriformer.impls.tree import spelled
from veriformer.properties import LAWS
from veriformer.properties.formula import Question
from veriformer.properties.law import Case, Law, NotJudged
from veriformer.properties.probes import KINDS, Draw
from veriformer.properties.truth import place
from veriformer.record import Record
from veriformer.spec import COMPONENTS, Component
from veriformer.spec.numbers.precision import TERMS, Precision, precision_of, without

EXPLAINED = ("agrees_with_the_spec", "gradients_agree_with_the_spec")
"""The laws that compare an answer with the formula itself, and whose bound is that of one answer."""


@dataclass(frozen=True)
class Explained:
    """The bound of one element, and what remains of it with each term switched off."""

    record: Record
    comparison: str
    index: tuple[int, ...]
    value: float
    bound: float
    left: Mapping[str, float]
    """Term -> the bound without it."""

    def lines(self) -> Iterator[str]:
        """A small table in words, the largest term first."""
        row = self.record
        yield f"{row.implementation} · {row.law} · {row.dtype} · {row.device}"
        where = ", ".join(map(str, self.index))
        yield f"{self.comparison}[{where}]: the truth is {self.value:.6g}, an honest answer may err by {self.bound:.3g}"
        if row.worst_ratio is not None:
            yield f"the worst answer used {row.worst_ratio:.3g} of its bound"
        if not np.isfinite(self.bound):
            yield "no bound: an honest computation may overflow here"
            return
        yield "share   the bound is that much smaller without"
        for term, left in sorted(self.left.items(), key=lambda item: item[1]):
            share = max(1 - left / self.bound, 0.0) if self.bound else 0.0
            yield f"{100 * share:4.0f} %  {TERMS[term]}"
        yield "(each switched off alone: where terms multiply, or one hides another, the shares do not add up to 100 %)"


def explained(record: Record) -> Explained:
    """The bound at a record's counterexample, or at its worst case, taken apart. ValueError where that is not possible."""
    if record.law not in EXPLAINED:
        raise ValueError(f"{record.law} relates several answers; explained are the bounds of {' and '.join(EXPLAINED)}")
    found = example(record)
    if found is None:
        raise ValueError(f"{record.law} of {record.implementation} in {record.dtype} holds no case: no error was seen")
    case, comparison, index = found
    question = asked(record, case)
    whole = bounds(question, record.law)
    if comparison not in whole:
        raise ValueError(f"{record.component} has no {comparison!r}; there are {', '.join(whole)}")
    value, bound = (float(array[index]) for array in whole[comparison])
    left = {}
    for term in TERMS:
        with without(term, question.precision) as precision:
            left[term] = float(bounds(replace(question, precision=precision), record.law)[comparison][1][index])
    return Explained(record, comparison, index, value, bound, left)


def example(record: Record) -> tuple[Case, str, tuple[int, ...]] | None:
    """The case of the counterexample, or the worst case drawn again; which array is compared, and where."""
    stored: Mapping[str, Any] | None = record.counterexample or record.worst_case
    if not stored:
        return None
    law = law_of(record)
    if record.counterexample:
        case = Case(tuple(stored["arguments"].values()), dict(stored["options"]), dict(stored["extra"]))
        case = case.but(aliases=tuple(tuple(group) for group in stored["aliases"]))
    else:
        case = drawn_again(law, record)
    return case, str(stored["comparison"]), tuple(int(i) for i in stored["index"])


def law_of(record: Record) -> Law:
    """The law of a record."""
    return next(law for law in LAWS[record.component] if law.name == record.law)


def drawn_again(law: Law, record: Record) -> Case:
    """The worst case, from its recipe."""
    told = dict(record.worst_case or {})
    kinds = tuple(law.kinds or KINDS)
    recipe = Draw(
        law.rows[told["row"]],
        told["kind"],
        told["seed"],
        record.dtype,
        law.top(record.dtype),
        kinds,
        law.rows,
        law.gradients,
    )
    try:
        return law.draw(recipe)
    except NotJudged as why:
        raise ValueError(f"this version of veriformer draws another case from the record's recipe: {why}") from why


def asked(record: Record, case: Case) -> Question:
    """What was asked of the formula: the case under the record's precision and conventions."""
    component = COMPONENTS[record.component]
    conventions = dict(settled(component, record))
    options = {name: value for name, value in case.options.items() if name not in conventions}
    precision = precision_from(record)
    cotangent = case.extra.get("cotangent")
    return Question(component, case.arguments, options, conventions, precision, case.aliases, cotangent)


def settled(component: Component, record: Record) -> Iterator[tuple[str, Any]]:
    """The conventions of a record, as the formula takes them; those without a value are left to their defaults."""
    if record.counterexample:
        yield from record.counterexample["conventions"].items()
        return
    for name, described in record.conventions.items():
        convention = component.convention(name)
        told = described.removesuffix(" (undeclared)")
        if convention is None:
            continue
        known = {str(value): value for value in convention.values}
        if told in known or isinstance(convention.default, float):
            yield name, known[told] if told in known else float(told)


def precision_from(record: Record) -> Precision:
    """The arithmetic that a record was judged under."""
    told = record.precision
    switches = {name: told[name] for name in ("products", "partial_sums", "terms", "quotients") if name in told}
    computes_in = told.get("computes_in")
    return precision_of(
        record.dtype,
        str(told.get("contract", "eager")),
        computes_in=None if computes_in == record.dtype else computes_in,
        accumulates_in=told.get("accumulates_in"),
        switches=switches,
    )


def bounds(question: Question, law: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Comparison -> value and bound of every array that the law compares."""
    if law == "gradients_agree_with_the_spec":
        names = question.component.positional
        return {f"gradient of {spelled(path, names)}": (t.value, t.bound) for path, t in question.gradients()}
    return {place(path): (t.value, t.bound) for path, t in question.outputs()}
