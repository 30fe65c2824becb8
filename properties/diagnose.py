"""Diagnose: when an answer is not the formula's, which other formula is it? That sentence is worth more than a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Law


def cause(law: Law, cases: list[Case], experiment: Experiment, holds: Callable[[Case, Experiment], bool]) -> str:
    """Which other value of one of the component's conventions explains all the cases; empty if none does.

    holds: does the law hold on a case in an experiment? Given by the judge, who alone compares.
    """
    if law.name != "agrees_with_the_spec":
        return ""
    explanations = []
    for name, value in alternatives(experiment):
        other = Experiment(
            experiment.door,
            experiment.component,
            {**experiment.conventions, name: value},
            experiment.precision,
            experiment.truths,
        )
        if all(holds(without(case, name), other) for case in cases):
            explanations.append(f"{name}={value!r}")
    if not explanations:
        return ""
    return "not the formula; on these inputs it equals the formula with " + " or with ".join(explanations)


def without(case: Case, option: str) -> Case:
    """The case with a keyword left out."""
    return case.but(options={name: value for name, value in case.options.items() if name != option})


def alternatives(experiment: Experiment) -> Iterator[tuple[str, Any]]:
    """Every other value of every convention of the component."""
    for convention in experiment.component.conventions:
        current = experiment.conventions.get(convention.name, convention.default)
        for value in convention.values:
            if value != current:
                yield convention.name, value
