"""A broken or crashed law, taken apart into what a reader wants to see: input, got, wanted, error, script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer.record import BAD, Record, Verdict
from veriformer.reports import values
from veriformer.reports.conventions import arithmetic
from veriformer.reports.matrix import verdict_of
from veriformer.reports.values import Line

SMALL = 64
"""Answers of at most this many numbers are shown whole, beside their worst element."""


PASTABLE = 4000
"""Characters of the longest script that is shown where one is copied from."""


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
    said: str
    """What a crash said: its traceback, else its message."""
    script: str

    @property
    def is_long(self) -> bool:
        """Is its script too long to be pasted?"""
        return len(self.script) > PASTABLE


@dataclass(frozen=True)
class Group:
    """One fault: a law broken on all dtypes and devices, or one exception in all laws of a component."""

    first: Failure
    others: tuple[Failure, ...]


def failures(records: Iterable[Record]) -> tuple[Group, ...]:
    """Every broken or crashed law, the broken ones first, the known ones last."""
    found: dict[tuple[str, ...], list[Record]] = {}
    for row in records:
        if row.kind == "verdict" and row.verdict in BAD:
            found.setdefault(fault(row), []).append(row)
    groups = sorted(found.values(), key=lambda rows: (bool(rows[0].known), verdict_of(rows[0]).badness))
    return tuple(Group(explain(rows[0]), tuple(explain(row) for row in rows[1:])) for rows in groups)


def fault(row: Record) -> tuple[str, ...]:
    """What two failures share when one explanation serves both."""
    if row.verdict == Verdict.CRASHED and row.message:
        return row.implementation, row.component, row.known, "raises", row.message
    return row.implementation, row.component, row.known, "breaks", row.law


def explain(record: Record) -> Failure:
    """Take one record apart."""
    example = record.counterexample or {}
    given = (mapping(example.get(name)) for name in ("arguments", "options", "extra"))
    told = tuple(facts(record, example))
    return Failure(
        record,
        tuple(line for values_by_name in given for line in values.lines("", values_by_name)),
        place(example) if told else "",
        told,
        tuple(whole(record, example)),
        tuple(notes(record, example, "" if told else record.message)),
        str(example.get("traceback") or (record.message if record.verdict == Verdict.CRASHED else "")),
        str(example.get("script") or ""),
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: a record of another version is still readable."""
    return value if isinstance(value, Mapping) else {}


def place(example: Mapping[str, Any]) -> str:
    """The worst element by name; no element where the whole differs, as a shape does."""
    steps = steps_of(example) if at(example.get("got"), steps_of(example)) is not example.get("got") else []
    where = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps).replace("][", ", ")
    return str(example.get("comparison") or ("output" if "got" in example else "")) + where


def facts(record: Record, example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What came, what should have come, and how far apart they are; nothing where nothing came."""
    got, wanted, allowed = (at(example.get(name), steps_of(example)) for name in ("got", "wanted", "allowed"))
    if got is None and wanted is None:
        return
    if got is not None:
        yield "got", values.shown(values.narrow(got, record.dtype))
    if wanted is not None:
        yield "wanted", values.shown(wanted)
    came, due, most = size(got), size(wanted), size(allowed)
    if came is not None and due is not None:
        if most is not None:
            yield "allowed", f"± {most:.3g}"
        yield "error", f"{distance(came, due):.3g}"
    ratio, ulps = example.get("ratio", record.worst_ratio), example.get("ulps", record.worst_ulps)
    if ratio is not None and not math.isnan(ratio):
        yield "error / bound", f"{ratio:.4g}"
    if ulps is not None and math.isfinite(ulps) and due != 0:  # in ulps of 0 an error says nothing
        yield "in ulps", f"{ulps:.4g}"


def steps_of(example: Mapping[str, Any]) -> list[Any]:
    """The index of the worst element."""
    index = example.get("index")
    return list(index) if isinstance(index, tuple | list) else []


def at(value: Any, index: list[Any]) -> Any:
    """The element at an index, through nests and into arrays; the value itself where the index does not fit."""
    found, steps = value, list(index)
    try:
        while steps and isinstance(found, Mapping | tuple | list):
            found = found[steps.pop(0)]
        fits = isinstance(found, np.ndarray) and len(steps) == found.ndim
        return found[tuple(steps)] if fits else value
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


def whole(record: Record, example: Mapping[str, Any]) -> Iterator[Line]:
    """The answers that are small enough to be shown whole."""
    answers = {"got": values.narrow(example.get("got"), record.dtype), "wanted": example.get("wanted")}
    for line in values.lines("", answers):
        if line.kind and 1 < line.size <= SMALL:
            yield line


def notes(record: Record, example: Mapping[str, Any], message: str) -> Iterator[tuple[str, str]]:
    """What a reader may want to know besides."""
    named = ", ".join(f"{name}: {value}" for name, value in record.conventions.items())
    tried = example.get("examples")
    yield from (
        (name, text)
        for name, text in (
            ("conventions", named),
            ("arithmetic", arithmetic(record.precision, record.dtype)),
            ("layouts", laid_out(example)),
            ("same object", same_objects(example)),
            ("extension", str(example.get("extension") or "")),
            ("message", message if record.verdict == Verdict.BROKEN else ""),
            ("found", f"at case {tried}, seed {record.seed}" if tried else ""),
        )
        if text
    )


def laid_out(example: Mapping[str, Any]) -> str:
    """Which arguments did not lie in memory as usual: `x strided`."""
    pairs = [pair for pair in example.get("layouts") or () if isinstance(pair, tuple | list) and len(pair) == 2]
    return ", ".join(f"{path_name(example, path)} {layout}" for path, layout in pairs)


def same_objects(example: Mapping[str, Any]) -> str:
    """Which arguments were one object: `x and memory`."""
    groups = [group for group in example.get("aliases") or () if isinstance(group, tuple | list)]
    return ", ".join(" and ".join(path_name(example, [position]) for position in group) for group in groups)


def path_name(example: Mapping[str, Any], path: Any) -> str:
    """A path into the arguments, by the name of the first one."""
    first, *rest = path if isinstance(path, tuple | list) and path else [path]
    names = list(mapping(example.get("arguments")))
    start = names[first] if isinstance(first, int) and 0 <= first < len(names) else first
    return ".".join(str(step) for step in (start, *rest))
