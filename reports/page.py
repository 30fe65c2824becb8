"""What a report says, before anybody decides how it looks: HTML and Markdown are two renderings of one `Page`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from veriformer.record import Record, Verdict
from veriformer.reports import values
from veriformer.reports.compare import Comparison, compare
from veriformer.reports.conventions import Convention, arithmetics, conventions
from veriformer.reports.failures import Group, failures
from veriformer.reports.matrix import Matrix, Reason, distinct, matrix, reasons, stale, verdict_of, verdicts
from veriformer.reports.timings import Panel, panels

MEANINGS = {
    Verdict.BROKEN: "An input was found on which the law does not hold: no honest computation errs so far.",
    Verdict.CRASHED: "An exception, or a dead process, on an input inside the component's domain.",
    Verdict.HELD: "Judged on at least half of the drawn cases, and never refuted.",
    Verdict.ABSTAINED: "Too often even an honest computation may overflow here, or its bound says nothing.",
    Verdict.UNSUPPORTED: "Offered, but the implementation declined these cases.",
    Verdict.ABSENT: "Not offered, or not possible here: no such device, no gradient, an import that failed.",
}
"""The verdict words, worst first; the worst of several wins."""


@dataclass(frozen=True)
class Run:
    """One run of the suite: facts in the order in which they are read, and tables of versions, limits, options."""

    facts: tuple[tuple[str, str], ...]
    tables: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Page:
    """Everything that a report says."""

    headline: str
    summary: str
    counts: tuple[tuple[Verdict, int], ...]
    matrix: Matrix
    failures: tuple[Group, ...]
    stale: tuple[str, ...]
    reasons: tuple[Reason, ...]
    conventions: tuple[Convention, ...]
    arithmetics: tuple[Convention, ...]
    timings: tuple[Panel, ...]
    runs: tuple[Run, ...]
    changes: Comparison | None


def page(records: Iterable[Record], compared_with: Iterable[Record] | None = None) -> Page:
    """All that the records say; with older records, also what changed since."""
    rows = tuple(records)
    return Page(
        headline(rows),
        summary(rows),
        counts(rows),
        matrix(rows),
        failures(rows),
        stale(rows),
        reasons(rows),
        conventions(rows),
        arithmetics(rows),
        panels(rows),
        told_once([run(row) for row in rows if row.kind == "run"]),
        None if compared_with is None else compare(compared_with, rows),
    )


def counts(records: Iterable[Record]) -> tuple[tuple[Verdict, int], ...]:
    """How many rows have each verdict, the worst first."""
    found = [verdict_of(row) for row in verdicts(records)]
    return tuple((verdict, found.count(verdict)) for verdict in Verdict if verdict in found)


def headline(records: Iterable[Record]) -> str:
    """The one sentence to take home."""
    rows = verdicts(records)
    known = distinct_laws(row for row in rows if row.known)
    apart = f", {counted(known, 'known deviation')} apart" if known else ""
    return found_in(tuple(row for row in rows if not row.known)) + apart


def distinct_laws(rows: Iterable[Record]) -> int:
    """How many laws of how many components of how many implementations: dtypes and devices are not counted apart."""
    return len({(row.implementation, row.component, row.law) for row in rows})


def found_in(rows: tuple[Record, ...]) -> str:
    """What is broken, or that nothing is."""
    laws = {
        verdict: distinct_laws(row for row in rows if row.verdict == verdict)
        for verdict in (Verdict.BROKEN, Verdict.CRASHED)
    }
    if all(laws.values()):
        return f"{counted(laws[Verdict.BROKEN], 'law')} broken, {laws[Verdict.CRASHED]:,} crashed"
    if any(laws.values()):
        return " ".join(f"{counted(number, 'law')} {verdict}" for verdict, number in laws.items() if number)
    held = any(row.verdict == Verdict.HELD for row in rows)
    return "Every judged law held" if held else "Nothing was judged"


def summary(records: Iterable[Record]) -> str:
    """What was judged, and how much of it."""
    rows = verdicts(records)
    sizes = (
        counted(len(distinct(row.implementation for row in rows)), "implementation"),
        counted(len(distinct(row.component for row in rows)), "component"),
        counted(len({(row.component, row.law) for row in rows}), "law"),
    )
    cases = f"{counted(len(rows), 'verdict')} from {counted(sum(row.judged for row in rows), 'judged case')}"
    abstained = sum(row.abstained for row in rows)
    return f"{', '.join(sizes)}; {cases}" + (f", {abstained:,} more abstained from." if abstained else ".")


def counted(number: int, thing: str) -> str:
    """`1 law`, `2 laws`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def run(record: Record) -> Run:
    """One run, from its environment."""
    environment: Mapping[str, Any] = record.environment or {}
    tables = {name: value for name, value in environment.items() if isinstance(value, Mapping)}
    plain = {name: value for name, value in environment.items() if name not in tables and value not in (None, "")}
    processor = tables.get("machine", {}).get("cpu")
    plain = {"cpu": processor, **plain} if processor else plain
    lasted = {"duration": values.seconds(record.seconds)} if record.seconds else {}
    said = {"message": record.message} if record.message else {}
    order = ("command", "date", "commit", "machine", "cpu")
    first = {name: plain[name] for name in order if name in plain}
    return Run(
        facts({**first, **plain, **lasted, **said}),
        tuple((name, facts(table)) for name, table in tables.items() if table),
    )


def told_once(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs, the later ones without what the first has told in the same words; versions and options stay together."""
    known = {fact for one in runs[:1] for fact in (*one.facts, *one.tables)}
    later = (
        Run(
            tuple(fact for fact in one.facts if fact not in known),
            tuple(table for table in one.tables if table not in known),
        )
        for one in runs[1:]
    )
    return (*runs[:1], *later)


def facts(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names and values as text; of a table within the table, every row."""
    return tuple(
        (str(name) if key == "" else f"{name}, {key}", text)
        for name, value in table.items()
        for key, text in (facts(value) if isinstance(value, Mapping) else (("", plainly(value)),))
    )


def plainly(value: Any) -> str:
    """A fact of a run: text as it is, several things with commas between them."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(plainly(item) for item in value) if isinstance(value, tuple | list) else values.shown(value)
