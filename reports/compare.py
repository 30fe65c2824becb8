"""What changed between two sets of records: verdicts law by law, and the conventions that were followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from veriformer.record import BAD, Key, Record, Verdict
from veriformer.reports.matrix import verdict_of, verdicts

UNDECLARED = " (undeclared)"
"""How a record marks a convention that was found out by asking."""
UNSETTLED = ("undetermined", "none of the allowed ones")
"""How a record begins the value of a convention that was asked about and fits several values, or none."""
UNASKED = "not asked"


@dataclass(frozen=True)
class Change:
    """One law whose verdict differs: None where that set has no such row."""

    key: Key
    before: Verdict | None
    after: Verdict | None
    known: str = ""
    """Why a deviation is accepted now."""


@dataclass(frozen=True)
class Turn:
    """A convention whose value differs, of one implementation, component, dtype and device."""

    key: tuple[str, ...]
    """The same words as a law's, with the convention in place of the law."""
    before: str
    after: str

    @property
    def silent(self) -> bool:
        """Did nobody declare the new value?"""
        return self.after.endswith(UNDECLARED) or self.after.startswith(UNSETTLED)


DRIFT = 4.0
"""A median error that became larger, or smaller, by more than this is worth a look, long before a bound is broken."""


@dataclass(frozen=True)
class Drift:
    """One law that held both times, whose typical error is another one: the median of error / bound."""

    key: Key
    before: float
    after: float


@dataclass(frozen=True)
class Comparison:
    """All changes, each under exactly one heading."""

    newly_broken: tuple[Change, ...]
    """Broken or crashed now, not before, and no known deviation."""
    newly_held: tuple[Change, ...]
    """Held now, and not before."""
    otherwise: tuple[Change, ...]
    """Changed in another way: a law that held and is no longer judged, a break that became a crash."""
    gone: tuple[Change, ...]
    """Only in the old records."""
    new: tuple[Change, ...]
    """Only in the new records."""
    turns: tuple[Turn, ...] = ()
    """Conventions followed differently."""
    drifts: tuple[Drift, ...] = ()
    """Held both times, with another typical error."""

    def headings(self) -> tuple[tuple[str, tuple[Change, ...]], ...]:
        """The changes under the words that a reader sees; empty headings are left out."""
        named = (
            ("Newly broken", self.newly_broken),
            ("Newly held", self.newly_held),
            ("Otherwise changed", self.otherwise),
            ("New", self.new),
            ("Gone", self.gone),
        )
        return tuple((heading, changes) for heading, changes in named if changes)

    @property
    def regressed(self) -> bool:
        """Is a law that held broken now, or does an implementation follow another convention without saying so?"""
        return any(change.before == Verdict.HELD for change in self.newly_broken) or any(t.silent for t in self.turns)


def compare(old: Iterable[Record], new: Iterable[Record]) -> Comparison:
    """What changed from the old records to the new ones."""
    old, new = verdicts(old), verdicts(new)
    before, after = by_key(old), by_key(new)
    both = [Change(key, verdict_of(before[key]), *now(row)) for key, row in after.items() if key in before]
    changed = [change for change in both if change.before != change.after]
    newly_broken = tuple(
        change for change in changed if change.after in BAD and change.before not in BAD and not change.known
    )
    newly_held = tuple(change for change in changed if change.after == Verdict.HELD)
    return Comparison(
        newly_broken,
        newly_held,
        tuple(change for change in changed if change not in newly_broken + newly_held),
        tuple(Change(key, verdict_of(row), None) for key, row in before.items() if key not in after),
        tuple(Change(key, None, *now(row)) for key, row in after.items() if key not in before),
        tuple(turns(followed(old), followed(new))),
        tuple(drifted(medians(old), medians(new))),
    )


def now(row: Record) -> tuple[Verdict, str]:
    """The verdict of a row, and why it is accepted if it is."""
    return verdict_of(row), row.known


def medians(rows: Iterable[Record]) -> dict[Key, float]:
    """The median error of each law that held, as a share of its bound; of several rows the largest."""
    found: dict[Key, float] = {}
    for row in rows:
        if row.verdict is Verdict.HELD and row.median_ratio is not None:
            found[row.key] = max(found.get(row.key, 0.0), row.median_ratio)
    return found


def drifted(before: dict[Key, float], after: dict[Key, float]) -> Iterator[Drift]:
    """The laws whose median moved by more than `DRIFT`. One that was exact moved if it is no longer, and the other way round.

    Medians are known up to a factor of two, as `Record.ratios` counts them.
    """
    for key in after:
        if key not in before:
            continue
        low, high = sorted((before[key], after[key]))
        if high > DRIFT * low:
            yield Drift(key, before[key], after[key])


def by_key(rows: Iterable[Record]) -> dict[Key, Record]:
    """The row with the worst verdict under each key; of two, the one that is not known."""
    found: dict[Key, Record] = {}
    for row in rows:
        found[row.key] = min(found.get(row.key, row), row, key=lambda row: (verdict_of(row).badness, bool(row.known)))
    return found


def followed(rows: Iterable[Record]) -> dict[tuple[str, ...], str]:
    """What is known of each convention that was declared or asked about."""
    return {
        (row.implementation, row.component, name, row.dtype, row.device): str(value)
        for row in rows
        for name, value in row.conventions.items()
        if not str(value).startswith(UNASKED)
    }


def turns(before: dict[tuple[str, ...], str], after: dict[tuple[str, ...], str]) -> Iterator[Turn]:
    """The conventions that had a value and have another; declaring what was found out by asking changes nothing."""
    for key, value in after.items():
        had = before.get(key, value)
        if not had.startswith(UNSETTLED) and had.removesuffix(UNDECLARED) != value.removesuffix(UNDECLARED):
            yield Turn(key, had, value)
