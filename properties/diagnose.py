"""Diagnose: when an answer is not the formula's, which other formula is it? That sentence is worth more than a number."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Law


def cause(law: Law, cases: list[Case], experiment: Experiment, holds: Callable[[Case, Experiment], bool]) -> str:
    """Which other value of one of the component's conventions explains all the cases; empty if none does.

    holds: does the law hold on a case in an experiment? Given by the judge, who alone compares.
    """
    if law.name != "agrees_with_the_spec":
        return ""
    others = list(alternatives(experiment))
    for together in (1, 2):  # one choice, else two at once
        explanations = [
            " and ".join(f"{name}={value!r}" for name, value in choice)
            for choice in itertools.combinations(others, together)
            if len(dict(choice)) == together and explains(dict(choice), cases, experiment, holds)
        ]
        if explanations:
            return "not the formula; on these inputs it equals the formula with " + " or with ".join(explanations)
    return ""


def explains(
    choice: dict[str, Any], cases: list[Case], experiment: Experiment, holds: Callable[[Case, Experiment], bool]
) -> bool:
    """Does the law hold on all cases under these conventions?"""
    other = replace(experiment, conventions={**experiment.conventions, **choice})
    return all(holds(without(case, choice), other) for case in cases)


def without(case: Case, options: Mapping[str, Any]) -> Case:
    """The case with some keywords left out."""
    return case.but(options={name: value for name, value in case.options.items() if name not in options})


def alternatives(experiment: Experiment) -> Iterator[tuple[str, Any]]:
    """Every other value of every convention of the component."""
    for convention in experiment.component.conventions:
        current = experiment.conventions.get(convention.name, convention.default)
        for value in convention.values:
            if value != current:
                yield convention.name, value
