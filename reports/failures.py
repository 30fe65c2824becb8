"""A broken or crashed law, taken apart into what a reader wants to see: input, got, wanted, error, script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer.record import Record
from veriformer.reports import values
from veriformer.reports.conventions import arithmetic
from veriformer.reports.matrix import BAD, verdict_of
from veriformer.reports.values import Line

SMALL = 64
"""Answers of at most this many numbers are shown whole, beside their worst element."""


@dataclass(frozen=True)
class Failure:
    """One broken or crashed law, ready to be printed by anybody."""

    record: Record
    arguments: tuple[Line, ...]
    place: str
    """Which number is wrong: `gradient of q[0, 2]`."""
    facts: tuple[tuple[str, str], ...]
    """Got, wanted, allowed, error."""
    whole: tuple[Line, ...]
    """The whole answers, when they are small and more than one number."""
    notes: tuple[tuple[str, str], ...]
    """Conventions, arithmetic, how it was found."""
    script: str


@dataclass(frozen=True)
class Group:
    """One law of one implementation and component: its worst failure, and the same law on other dtypes and devices."""

    first: Failure
    others: tuple[Failure, ...]


def failures(records: Iterable[Record]) -> tuple[Group, ...]:
    """Every broken or crashed law, the broken ones first."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for row in records:
        if row.kind == "verdict" and row.verdict in BAD:
            found.setdefault((row.implementation, row.component, row.law), []).append(row)
    groups = [sorted(rows, key=lambda row: verdict_of(row).badness) for rows in found.values()]
    groups.sort(key=lambda rows: verdict_of(rows[0]).badness)
    return tuple(Group(explain(rows[0]), tuple(explain(row) for row in rows[1:])) for rows in groups)


def explain(record: Record) -> Failure:
    """Take one record apart."""
    example = record.counterexample or {}
    given = mapping(example.get("arguments")), mapping(example.get("options"))
    return Failure(
        record,
        tuple(line for values_by_name in given for line in values.lines("", values_by_name)),
        place(example),
        tuple(facts(record, example)),
        tuple(whole(example)),
        tuple(notes(record, example)),
        str(example.get("script") or ""),
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: a record of another version is still readable."""
    return value if isinstance(value, Mapping) else {}


def place(example: Mapping[str, Any]) -> str:
    """The worst element by name."""
    index = example.get("index")
    steps = index if isinstance(index, tuple | list) else ()
    where = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps).replace("][", ", ")
    return str(example.get("comparison") or ("output" if "got" in example else "")) + where


def facts(record: Record, example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What came, what should have come, and how far apart they are."""
    got, wanted, allowed = (at(example.get(name), example.get("index")) for name in ("got", "wanted", "allowed"))
    if got is not None:
        yield "got", values.shown(got)
    if wanted is not None:
        yield "wanted", values.shown(wanted)
    if allowed is not None and isinstance(size(allowed), float):
        yield "allowed", f"± {size(allowed):.3g}"
    came, due = size(got), size(wanted)
    if came is not None and due is not None:
        yield "error", f"{distance(came, due):.3g}"
    if record.worst_ratio is not None and not math.isnan(record.worst_ratio):
        yield "error / bound", f"{record.worst_ratio:.4g}"
    if record.worst_ulps is not None:
        yield "in ulps", f"{record.worst_ulps:.4g}"


def at(value: Any, index: Any) -> Any:
    """The element at an index, through nests and into arrays; the value itself where the index does not fit."""
    steps = list(index) if isinstance(index, tuple | list) else []
    found = value
    try:
        while steps and isinstance(found, Mapping | tuple | list):
            found = found[steps.pop(0)]
        return found[tuple(steps)] if isinstance(found, np.ndarray) else found
    except (LookupError, TypeError):
        return value


def size(value: Any) -> float | None:
    """A single number as a float; None if it is not one."""
    try:
        return float(value) if np.ndim(value) == 0 and not isinstance(value, str) else None
    except (TypeError, ValueError):
        return None


def distance(came: float, due: float) -> float:
    """The observed error: NaN for NaN agrees, and so do equal infinities."""
    return 0.0 if came == due or (math.isnan(came) and math.isnan(due)) else abs(came - due)


def whole(example: Mapping[str, Any]) -> Iterator[Line]:
    """The answers that are small enough to be shown whole."""
    for name in ("got", "wanted", "allowed"):
        for line in values.lines(name, example.get(name)):
            if line.kind and 1 < line.size <= SMALL:
                yield line


def notes(record: Record, example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a reader may want to know besides."""
    named = ", ".join(f"{name}: {value}" for name, value in record.conventions.items())
    tried = example.get("examples")
    yield from (
        (name, text)
        for name, text in (
            ("conventions", named),
            ("arithmetic", arithmetic(record.precision)),
            ("found", f"after {tried} cases, seed {record.seed}" if tried else ""),
        )
        if text
    )
