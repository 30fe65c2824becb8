"""Diagnose: when an answer is not the formula's, which other formula is it? That sentence is worth more than a number.

Tried are the other values of the component's conventions, the slips of all parts that its formula runs through, and two
conventions at once. An explanation must fit the refuted cases, and every further case that it is put to.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Law
from veriformer.record import BAD, Verdict
from veriformer.spec import SLIPS, Slip, met_by

DIAGNOSED = ("agrees_with_the_spec", "gradients_agree_with_the_spec")
"""The laws whose refutation asks for another formula."""
FURTHER = 24
"""Further cases to which explanations are put."""

Judged = Callable[[Case, Experiment], Verdict]
"""What the law says of one case in an experiment. Given by the judge, who alone compares."""


@dataclass(frozen=True)
class Other:
    """Another formula: some conventions chosen otherwise, or a slip."""

    conventions: Mapping[str, Any] = field(default_factory=dict)
    slip: Slip | None = None

    @property
    def words(self) -> str:
        """How the formula differs."""
        if self.slip is not None:
            return f"{self.slip.sentence} ({self.slip.name})"
        return " and ".join(f"{name}={value!r}" for name, value in self.conventions.items())

    def says(self, case: Case, experiment: Experiment, judged: Judged) -> Verdict:
        """The verdict of one case, would this be the formula."""
        conventions = {**experiment.conventions, **self.conventions}
        try:
            return judged(without(case, self.conventions), replace(experiment, conventions=conventions, slip=self.slip))
        except ValueError:  # with queries and keys exchanged, say, the case is outside the domain: nothing is explained
            return Verdict.BROKEN


def cause(law: Law, refuted: list[Case], further: Iterable[Case], experiment: Experiment, judged: Judged) -> str:
    """Which other formulas explain the refuted cases and contradict no further one; empty if none does."""
    if law.name not in DIAGNOSED:
        return ""
    for others in (itertools.chain(choices(experiment, 1), slips(refuted, experiment)), choices(experiment, 2)):
        fitting = [
            other for other in others if all(other.says(case, experiment, judged) is Verdict.HELD for case in refuted)
        ]
        fitting = narrowed(fitting, further, experiment, judged)
        if fitting:
            explained = " or with ".join(other.words for other in fitting)
            return f"not the formula; on these inputs it equals the formula with {explained}"
    return ""


def narrowed(fitting: list[Other], further: Iterable[Case], experiment: Experiment, judged: Judged) -> list[Other]:
    """The explanations that no further case contradicts."""
    for case in itertools.islice(further, FURTHER) if fitting else ():
        fitting = [other for other in fitting if other.says(case, experiment, judged) not in BAD]
    return fitting


def without(case: Case, options: Mapping[str, Any]) -> Case:
    """The case with some keywords left out."""
    return case.but(options={name: value for name, value in case.options.items() if name not in options})


def choices(experiment: Experiment, together: int) -> Iterator[Other]:
    """Other values of so many conventions of the component at once."""
    values = [
        (convention.name, value)
        for convention in experiment.component.conventions
        for value in convention.values
        if value != experiment.conventions.get(convention.name, convention.default)
    ]
    for chosen in itertools.combinations(values, together):
        if len(dict(chosen)) == together:
            yield Other(dict(chosen))


def slips(refuted: list[Case], experiment: Experiment) -> Iterator[Other]:
    """The slips of every part that the formula runs through on the refuted cases."""
    met: set[int] = set()
    for case in refuted:
        formula = functools.partial(experiment.question(case).formula, lambda array: array.astype(np.float64))
        with np.errstate(all="ignore"):
            met |= met_by(formula)
    return (Other(slip=slip) for slip in SLIPS if id(slip.replaced) in met)
