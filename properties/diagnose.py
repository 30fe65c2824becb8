"""Diagnose: when an answer is not the formula's, which other formula is it? That sentence is worth more than a number.

Tried are the other values of the component's conventions, and of those of the components inside it; the slips of all parts
that its formula runs through; keywords that are not heard; two conventions at once, and a slip with a convention. An
explanation must fit the refuted cases, and every further case that it is put to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from veriformer.impls.protocol import COTANGENT
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Law
from veriformer.properties.truth import Truth
from veriformer.record import BAD, Verdict
from veriformer.spec import COMPONENTS, SLIPS, Component, Convention, Slip, met_by

DIAGNOSED = ("agrees_with_the_spec", "gradients_agree_with_the_spec")
"""The laws whose refutation asks for another formula."""
FURTHER = 24
"""Further cases to which explanations are put."""

Judged = Callable[[Case, Experiment], Verdict]
"""What the law says of one case in an experiment. Given by the judge, who alone compares."""
Apart = Callable[[Truth, Truth], bool]
"""Would the second truth, as an answer, be refuted by the first? Given by the judge too."""


@dataclass(frozen=True)
class Other:
    """Another formula: some conventions chosen otherwise, a slip, or a keyword that is not heard.

    open: values of silent conventions that could not be settled; with each of them it is still the formula.
    """

    conventions: Mapping[str, Any] = field(default_factory=dict)
    slip: Slip | None = None
    unheard: str = ""
    open: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """How the formula differs."""
        parts = [f"{name}={value!r}" for name, value in self.conventions.items()]
        if self.slip is not None:
            parts.append(f"{self.slip.sentence} ({self.slip.name})")
        if self.unheard:
            parts.append(f"{self.unheard} at its default, whatever is passed")
        return " and ".join(parts)

    def under(self, experiment: Experiment) -> Experiment:
        """The experiment, would this be the formula."""
        conventions = {**experiment.conventions, **self.open, **self.conventions}
        return replace(experiment, conventions=conventions, slip=self.slip, unheard=self.unheard)

    def says(self, case: Case, experiment: Experiment, judged: Judged) -> Verdict:
        """The verdict of one case, would this be the formula; unsupported where formula and implementation have no answer."""
        under = self.under(experiment)
        try:
            verdict = judged(without(case, self.conventions), under)
        except (
            ValueError
        ):  # with queries and keys exchanged, say, the case is outside the domain, and yet it was answered
            return Verdict.BROKEN
        return (
            Verdict.UNSUPPORTED if verdict is Verdict.CRASHED and not under.question(case).has_an_answer() else verdict
        )


def cause(
    law: Law, refuted: list[Case], further: Iterable[Case], experiment: Experiment, judged: Judged, apart: Apart
) -> str:
    """Which other formulas explain the refuted cases and contradict no further one; empty if none does."""
    if law.name not in DIAGNOSED or not refuted:
        return ""
    cases = tuple(itertools.islice(further, FURTHER))
    for others in attempts(refuted, experiment):
        explaining = [other for other in others if explains(other, refuted, cases, experiment, judged, apart)]
        if explaining:
            words = dict.fromkeys(other.words for other in explaining)
            return f"not the formula; on these inputs it equals the formula with {' or with '.join(words)}"
    return ""


def attempts(refuted: list[Case], experiment: Experiment) -> Iterator[Iterable[Other]]:
    """Other formulas, the likeliest first."""
    met = parts_met(refuted, experiment)
    known = [slip for slip in SLIPS if id(slip.replaced) in met]
    slips = [Other(slip=slip) for slip in known if not slip.algorithm]
    inner = [Other(slip=slip) for slip in inner_conventions(met, experiment.component)]
    yield (*choices(experiment, 1), *slips, *inner)
    yield (replace(other, open=one.conventions) for other in slips for one in choices(experiment, 1, is_open))
    yield keywords(refuted, experiment)
    yield (Other(slip=slip) for slip in inner_keywords(met, experiment.component))
    yield choices(experiment, 2)
    yield (replace(one, slip=other.slip) for other in slips for one in choices(experiment, 1, stated))
    yield (Other(slip=slip) for slip in known if slip.algorithm)


def explains(
    other: Other, refuted: list[Case], further: Iterable[Case], experiment: Experiment, judged: Judged, apart: Apart
) -> bool:
    """Does it answer as the implementation does, wherever that answers and its bound says something, and at least once where
    the formula does not?"""
    verdicts, held = set(), []
    for number, case in enumerate(itertools.chain(refuted, further), 1):
        verdict = other.says(case, experiment, judged)
        verdicts.add(verdict)
        held += [case] if verdict is Verdict.HELD else []
        says_nothing = number == len(refuted) and Verdict.ABSTAINED in verdicts and not held
        if verdict in BAD or says_nothing:
            return False
    return any(shows(other, case, experiment, judged, apart) for case in held)


def shows(other: Other, case: Case, experiment: Experiment, judged: Judged, apart: Apart) -> bool:
    """Does a case that holds of the other formula speak against the formula itself? It must be refuted as it was asked there,
    without the keywords that the other formula fixes, and by the answers, not only by the other one's wider bound."""
    asked = without(case, other.conventions)
    return Other().says(asked, experiment, judged) is Verdict.BROKEN and is_another(other, asked, experiment, apart)


def is_another(other: Other, case: Case, experiment: Experiment, apart: Apart) -> bool:
    """Is the other formula's answer to a case outside the bound of the formula's own? Of an algorithm it need not be: there
    the wider bound is what is meant. What is told by an answer (which numbers were dropped) is not known here."""
    if experiment.component.from_answer or (other.slip is not None and other.slip.algorithm):
        return True
    cotangent = case.extra.get(COTANGENT)
    truths, others = (dict(one.truths_at(case, cotangent)) for one in (experiment, other.under(experiment)))
    return truths.keys() != others.keys() or any(apart(truth, others[path]) for path, truth in truths.items())


def without(case: Case, options: Mapping[str, Any]) -> Case:
    """The case with some keywords left out."""
    return case.but(options={name: value for name, value in case.options.items() if name not in options})


def stated(convention: Convention, experiment: Experiment) -> bool:
    """Does the formula say which value it has?"""
    return not convention.silent


def is_open(convention: Convention, experiment: Experiment) -> bool:
    """Does nothing say which value it has?"""
    return convention.silent and convention.name not in experiment.conventions


def choices(
    experiment: Experiment, together: int, among: Callable[[Convention, Experiment], bool] = lambda *_: True
) -> Iterator[Other]:
    """Other values of so many conventions of the component at once."""
    values = [
        (convention.name, value)
        for convention in experiment.component.conventions
        if among(convention, experiment)
        for value in convention.values
        if value != experiment.conventions.get(convention.name, convention.default)
    ]
    for chosen in itertools.combinations(values, together):
        if len(dict(chosen)) == together:
            yield Other(dict(chosen))


def keywords(refuted: list[Case], experiment: Experiment) -> Iterator[Other]:
    """The keywords that were passed with another value than their default."""
    for name, default in experiment.component.options.items():
        passed = [case.options[name] for case in refuted if name in case.options]
        if default is not experiment.component.signature.empty and any(value is not default for value in passed):
            yield Other(unheard=name)


def inner_conventions(met: set[int], outer: Component) -> Iterator[Slip]:
    """Other values of the stated conventions of components inside, where the outer one has no such convention."""
    for inner in COMPONENTS.values():
        if id(inner) in met and inner is not outer:
            for convention in inner.conventions:
                for value in convention.values:
                    if not convention.silent and value != convention.default and not outer.convention(convention.name):
                        yield chosen_inside(inner, convention.name, value)


def inner_keywords(met: set[int], outer: Component) -> Iterator[Slip]:
    """Keywords that the outer component does not hand on to those inside."""
    for inner in COMPONENTS.values():
        if id(inner) in met and inner is not outer:
            for name, default in inner.options.items():
                if default is not inner.signature.empty and name in outer.options:
                    yield chosen_inside(inner, name, default)


def chosen_inside(inner: Component, name: str, value: Any) -> Slip:
    """Every component of this name inside with one keyword or convention of another value."""
    return Slip(
        name=f"{name}={value!r}",
        sentence=f"another {inner.name} inside",
        replaced=inner,
        by=lambda *arguments, **options: inner(*arguments, **{**options, name: value}),
    )


def parts_met(refuted: list[Case], experiment: Experiment) -> set[int]:
    """The parts that the formula runs through on the refuted cases."""
    met: set[int] = set()
    for case in refuted:
        met |= met_by(experiment.question(case).in_floats)
    return met
