"""The matrix implementation x component -> worst verdict, and what stands behind each cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from veriformer.record import BAD, Record, Verdict, worst

SYMBOLS = {
    Verdict.BROKEN: "✗",
    Verdict.CRASHED: "!",
    Verdict.HELD: "✓",
    Verdict.ABSTAINED: "~",
    Verdict.UNSUPPORTED: "–",
    Verdict.ABSENT: "·",
}
"""A sign beside each word, so that colour never carries a meaning alone."""
FEW = 3
"""Of so many components that were not judged for one reason the laws are named."""


@dataclass(frozen=True)
class Cell:
    """Verdicts that belong together: of one implementation and component, or of one law of them."""

    records: tuple[Record, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The worst of them; None when nobody asked."""
        return worst(verdict_of(row) for row in self.records) if self.records else None

    @property
    def known(self) -> bool:
        """Is something of it broken or crashed, and all of that known?"""
        return any(row.known for row in self.records) and not any(row.fails for row in self.records)

    @property
    def worst_ratio(self) -> float | None:
        """Largest error / bound of all."""
        return largest(row.worst_ratio for row in self.records)

    @property
    def telling_ratio(self) -> float | None:
        """Largest error / bound of the rows that gave the cell its verdict."""
        return largest(row.worst_ratio for row in self.records if row.verdict == self.verdict)

    @property
    def held_of(self) -> str:
        """How many rows held of those that were asked, `10 of 12`, where a cell that held has some that were not judged."""
        asked = sum(verdict_of(row) is not Verdict.ABSENT for row in self.records)
        held = sum(row.verdict == Verdict.HELD for row in self.records)
        return f"{held} of {asked}" if self.verdict == Verdict.HELD and held < asked else ""

    @property
    def worst_ulps(self) -> float | None:
        """Largest error in units in the last place of all."""
        return largest(row.worst_ulps for row in self.records)

    @property
    def judged(self) -> int:
        """Cases judged."""
        return sum(row.judged for row in self.records)

    @property
    def abstained(self) -> int:
        """Cases on which the suite abstained."""
        return sum(row.abstained for row in self.records)

    @property
    def unsupported(self) -> int:
        """Cases that the implementation declined."""
        return sum(row.unsupported for row in self.records)


@dataclass(frozen=True)
class Law:
    """One law of a component: its name, its sentence, and a cell for each implementation."""

    name: str
    sentence: str
    cells: tuple[Cell, ...]

    @property
    def kept(self) -> bool:
        """Did it hold in every dtype and on every device, for all who were asked?"""
        return all(row.verdict == Verdict.HELD for cell in self.cells for row in cell.records)


@dataclass(frozen=True)
class Row:
    """One component: a cell for each implementation, and the laws behind them."""

    component: str
    cells: tuple[Cell, ...]
    laws: tuple[Law, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """The laws that held for all who were asked."""
        return tuple(law.name for law in self.laws if law.kept)

    @property
    def telling(self) -> tuple[Law, ...]:
        """The other laws: broken, or not judged, for somebody."""
        return tuple(law for law in self.laws if not law.kept)


@dataclass(frozen=True)
class Matrix:
    """Components down, implementations across, both in the order in which they were judged."""

    implementations: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Reason:
    """Why something was not judged: one verdict and message, and what shares it: components, each with its laws."""

    implementation: str
    verdict: Verdict
    message: str
    concerned: tuple[str, ...]


def verdict_of(record: Record) -> Verdict:
    """A record's verdict; a row without one was not judged."""
    return record.verdict if record.verdict is not None else Verdict.ABSENT


def verdicts(records: Iterable[Record]) -> tuple[Record, ...]:
    """The rows that judge a component."""
    return tuple(row for row in records if row.kind == "verdict" and row.component)


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order of first appearance."""
    return tuple(dict.fromkeys(names))


def largest(values: Iterable[float | None]) -> float | None:
    """The largest value there is; NaN, an error without a size, is larger than any."""
    known = [value for value in values if value is not None]
    return max(known, key=lambda value: (math.isnan(value), value), default=None)


def matrix(records: Iterable[Record]) -> Matrix:
    """The whole matrix, with its drill-down."""
    rows = verdicts(records)
    implementations = distinct(row.implementation for row in rows)
    components: dict[str, list[Record]] = {}
    for row in rows:
        components.setdefault(row.component, []).append(row)
    return Matrix(
        implementations,
        tuple(Row(name, across(own, implementations), laws(own, implementations)) for name, own in components.items()),
    )


def across(rows: Iterable[Record], implementations: Iterable[str]) -> tuple[Cell, ...]:
    """One cell for each implementation."""
    own: dict[str, list[Record]] = {name: [] for name in implementations}
    for row in rows:
        own[row.implementation].append(row)
    return tuple(Cell(tuple(cell)) for cell in own.values())


def laws(rows: Iterable[Record], implementations: Iterable[str]) -> tuple[Law, ...]:
    """The laws of one component."""
    own: dict[str, list[Record]] = {}
    for row in rows:
        own.setdefault(row.law, []).append(row)
    sentences = {name: next((row.sentence for row in group if row.sentence), "") for name, group in own.items()}
    return tuple(Law(name, sentences[name], across(group, implementations)) for name, group in own.items())


def stale(records: Iterable[Record]) -> tuple[str, ...]:
    """Known deviations that did not occur: mended, or met by nothing that was judged."""
    return distinct(row.message for row in records if row.kind == "known")


def reasons(records: Iterable[Record]) -> tuple[Reason, ...]:
    """Why anything was not judged, each reason once."""
    found: dict[tuple[str, Verdict, str], list[Record]] = {}
    for row in records:
        verdict = verdict_of(row)
        if row.kind == "verdict" and verdict not in (*BAD, Verdict.HELD) and (row.message or not row.component):
            found.setdefault((row.implementation, verdict, row.message), []).append(row)
    return tuple(Reason(*key, tuple(concerned(rows))) for key, rows in found.items())


def concerned(rows: Sequence[Record]) -> Iterator[str]:
    """Each component, with its laws, so far as they fit into a line: one by name, how many more; of many components the names
    alone."""
    components = distinct(row.component for row in rows if row.component)
    for component in components:
        laws = distinct(row.law for row in rows if row.component == component and row.law)
        more = f" and {len(laws) - 1} more" if len(laws) > 1 else ""
        yield f"{component}: {laws[0]}{more}" if laws and len(components) <= FEW else component
