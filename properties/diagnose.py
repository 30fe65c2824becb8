"""Diagnose: when an answer is not the formula's, which other formula is it? That sentence is worth more than a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Law


def cause(law: Law, case: Case, experiment: Experiment) -> str:
    """Which other value of one of the component's conventions explains the counterexample; empty if none does."""
    if law.name != "agrees_with_the_spec":
        return ""
    from veriformer.properties.judge import try_case
    from veriformer.record import Verdict

    explanations = []
    for name, value in alternatives(experiment):
        other = Experiment(
            experiment.door,
            experiment.component,
            {**experiment.conventions, name: value},
            experiment.precision,
            experiment.truths,
        )
        asked = case if name not in case.options else case.but(options={k: v for k, v in case.options.items() if k != name})
        if try_case(law, asked, other).verdict is Verdict.HELD:
            explanations.append(f"{name}={value!r}")
    if not explanations:
        return ""
    return "not the formula; on this input it equals the formula with " + " or with ".join(explanations)


def alternatives(experiment: Experiment) -> Iterator[tuple[str, Any]]:
    """Every other value of every convention of the component."""
    for convention in experiment.component.conventions:
        current = experiment.conventions.get(convention.name, convention.default)
        for value in convention.values:
            if value != current:
                yield convention.name, value
