"""Settle: which convention does an implementation follow? Asked on fixed cases, before any law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from veriformer.impls.protocol import Door
from veriformer.properties.experiment import Asked, Experiment, promised
from veriformer.properties.law import Case
from veriformer.properties.probes import Row
from veriformer.properties.seldom import seldom_collecting
from veriformer.properties.truth import Truths
from veriformer.spec import COMPONENTS, Convention


@dataclass(frozen=True)
class Inquiry:
    """Fixed cases on which the allowed values of one silent convention give different answers.

    concerns: does a row of a menu depend on this convention? Where it stays open, such rows are not judged.
    binding: do answers that no value explains break the law? Not where the formula knows nothing of what was asked.
    """

    component: str
    convention: str
    cases: Callable[[str], tuple[Case, ...]]
    concerns: Callable[[Row], bool]
    binding: bool = True


@dataclass(frozen=True)
class Settled:
    """The conventions under which an implementation is judged.

    values: what the spec is evaluated with. described: the same for people, found-out ones marked. open: why a silent
    convention could not be settled. broken: answers that no allowed value explains.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    closed_rows: tuple[Callable[[Row], bool], ...] = ()
    crashed: Mapping[str, str] = field(default_factory=dict)
    """Conventions that were asked for, and what the process did not survive in place of answering."""

    def judges(self, row: Row) -> bool:
        """Does every convention on which this row depends have a value?"""
        return not any(concerns(row) for concerns in self.closed_rows)


@seldom_collecting()
def settle(
    door: Door, component: str, inquiries: tuple[Inquiry, ...], fits: Fits, truths: Truths | None = None
) -> Settled:
    """Declared values as declared; silent ones as the answers show them."""
    offer = door.offers[component]
    values: dict[str, Any] = dict(offer.conventions)
    described = {name: str(value) for name, value in values.items()}
    unknown: dict[str, str] = {}
    broken: dict[str, str] = {}
    crashed: dict[str, str] = {}
    closed: list[Callable[[Row], bool]] = []
    for inquiry in inquiries:
        convention = COMPONENTS[component].convention(inquiry.convention)
        if inquiry.component != component or convention is None or convention.name in values:
            continue
        try:
            followed, why = ask(door, inquiry, convention, values, fits, Truths() if truths is None else truths)
        except Asked as death:
            followed, why = [], f"{death.raised.type}: {death.raised.message}"
            crashed[convention.name] = why
        if len(followed) == 1:
            values[convention.name] = followed[0]
            described[convention.name] = f"{followed[0]} (undeclared)"
            continue
        closed.append(inquiry.concerns)
        if why:
            unknown[convention.name] = why
            described[convention.name] = f"not asked: {why}"
        elif followed:
            unknown[convention.name] = "undetermined"
            described[convention.name] = "undetermined: " + " or ".join(map(str, followed))
        elif not inquiry.binding:
            unknown[convention.name] = "undetermined"
            described[convention.name] = "undetermined: none of the named ones"
        else:
            broken[convention.name] = f"none of {', '.join(map(str, convention.values))} explains the answers"
            described[convention.name] = "none of the allowed ones"
    return Settled(values, described, unknown, broken, tuple(closed), crashed)


Fits = Callable[[Experiment, Case, Any], bool]
"""Does the answer agree with the spec under the experiment's conventions? Given by the judge, who alone compares."""


def ask(
    door: Door, inquiry: Inquiry, convention: Convention, known: Mapping[str, Any], fits: Fits, truths: Truths
) -> tuple[list[Any], str]:
    """The allowed values that all the answers agree with; or why the question could not be put. Raises Asked when the
    process did not survive it."""
    component = COMPONENTS[inquiry.component]
    offer = door.offers[inquiry.component]
    precision = promised(door, inquiry.component)
    possible = list(convention.values)
    asked, why = 0, "no keyword for it"
    for case in inquiry.cases(door.dtype):
        if not all(offer.takes(name) for name in case.options) or any(n in offer.conventions for n in case.options):
            continue
        try:
            answer = Experiment(door, component, dict(known), precision, truths).ask(case)
        except Asked as error:
            if error.raised.declined:  # the next case may suit it
                why = error.raised.message or error.raised.type
                continue
            if error.raised.fatal:
                raise
            return [], f"{error.raised.type}: {error.raised.message}"
        asked += 1
        possible = [
            value
            for value in possible
            if fits(
                Experiment(door, component, {**known, convention.name: value}, precision, truths), case, answer.reply
            )
        ]
    return (possible, "") if asked else ([], why)
