"""What changed between two sets of records, law by law."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from veriformer.record import BAD, Record, Verdict
from veriformer.reports.matrix import verdict_of, verdicts

Key = tuple[str, str, str, str, str]
"""Implementation, component, law, dtype, device."""


@dataclass(frozen=True)
class Change:
    """One law whose verdict differs: None where that set has no such row."""

    key: Key
    before: Verdict | None
    after: Verdict | None


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
    """Broken or crashed now, and neither before."""
    newly_held: tuple[Change, ...]
    """Held now, and not before."""
    otherwise: tuple[Change, ...]
    """Changed in another way: a law that held and is no longer judged, a break that became a crash."""
    gone: tuple[Change, ...]
    """Only in the old records."""
    new: tuple[Change, ...]
    """Only in the new records."""
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


def compare(old: Iterable[Record], new: Iterable[Record]) -> Comparison:
    """What changed from the old records to the new ones."""
    old, new = tuple(old), tuple(new)
    before, after = by_key(old), by_key(new)
    both = [Change(key, before[key], verdict) for key, verdict in after.items() if key in before]
    changed = [change for change in both if change.before != change.after]
    newly_broken = tuple(change for change in changed if change.after in BAD and change.before not in BAD)
    newly_held = tuple(change for change in changed if change.after == Verdict.HELD)
    return Comparison(
        newly_broken,
        newly_held,
        tuple(change for change in changed if change not in newly_broken + newly_held),
        tuple(Change(key, verdict, None) for key, verdict in before.items() if key not in after),
        tuple(Change(key, None, verdict) for key, verdict in after.items() if key not in before),
        tuple(drifted(medians(old), medians(new))),
    )


def medians(rows: Iterable[Record]) -> dict[Key, float]:
    """The median error of each law that held, as a share of its bound; of several rows the largest."""
    found: dict[Key, float] = {}
    for row in verdicts(rows):
        if row.verdict is Verdict.HELD and row.median_ratio is not None:
            found[key_of(row)] = max(found.get(key_of(row), 0.0), row.median_ratio)
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


def by_key(records: Iterable[Record]) -> dict[Key, Verdict]:
    """The worst verdict under each key."""
    found: dict[Key, Verdict] = {}
    for row in verdicts(records):
        key = key_of(row)
        found[key] = min(found.get(key, verdict_of(row)), verdict_of(row), key=lambda verdict: verdict.badness)
    return found


def key_of(row: Record) -> Key:
    """What tells one verdict from another."""
    return row.implementation, row.component, row.law, row.dtype, row.device
