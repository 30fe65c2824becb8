"""The ranking: timings and verdicts become records. Only an implementation that held is ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from veriformer.bench.clock import band, confidence, spread
from veriformer.bench.contest import DTYPE, Contest, Entry
from veriformer.bench.machine import Limits
from veriformer.record import Record, Verdict, worst

NOT_JUDGED = "not judged: run veriformer check --json first"

Standing = Mapping[tuple[str, str, str], Verdict]
"""(implementation, component, device) -> the worst of its verdicts in float32."""


def standing(records: Iterable[Record]) -> Standing:
    """What became of each implementation's component, over all laws."""
    found: dict[tuple[str, str, str], list[Verdict]] = {}
    for record in records:
        if record.kind == "verdict" and record.dtype == DTYPE and record.verdict is not None:
            found.setdefault((record.implementation, record.component, record.device), []).append(record.verdict)
    return {who: worst(verdicts) for who, verdicts in found.items()}


def rank(contest: Contest, verdicts: Iterable[Record], limits: Mapping[str, Limits]) -> list[Record]:
    """A record per entry, in the order of the contest."""
    known = standing(verdicts)
    fastest: dict[tuple[str, str], Entry] = {}
    for entry in contest.entries:
        if verdict_of(entry, known) == Verdict.HELD:
            best = fastest.setdefault(place(entry), entry)
            if spread(entry.samples).median < spread(best.samples).median:
                fastest[place(entry)] = entry
    return [
        record(entry, verdict_of(entry, known), fastest.get(place(entry)), limits.get(entry.device))
        for entry in contest.entries
    ]


def place(entry: Entry) -> tuple[str, str]:
    """Where entries meet: the same workload on the same device."""
    return entry.workload.name, entry.device


def verdict_of(entry: Entry, known: Standing) -> Verdict | None:
    """Of a refused entry its refusal, else what the laws found; None when nobody asked them."""
    if entry.refusal:
        return entry.refusal.verdict
    return known.get((entry.implementation.name, entry.workload.component, entry.device))


def record(entry: Entry, verdict: Verdict | None, fastest: Entry | None, limits: Limits | None) -> Record:
    """The entry as a row: timed and ranked, timed and not ranked, or refused."""
    if entry.refusal:
        message = str(entry.refusal)
    elif verdict is None:
        message = NOT_JUDGED
    else:
        message = "" if verdict == Verdict.HELD else f"not ranked: {verdict}"
    return Record(
        kind="timing",
        implementation=entry.implementation.name,
        component=entry.workload.component,
        dtype=DTYPE,
        device=entry.device,
        verdict=verdict,
        message=message,
        workload=entry.workload.name,
        timing=None if entry.refusal else timing(entry, fastest if verdict == Verdict.HELD else None, limits),
    )


def timing(entry: Entry, fastest: Entry | None, limits: Limits | None) -> dict[str, Any]:
    """The numbers of one entry; compared with the fastest that is ranked, if this one is."""
    seconds = spread(entry.samples)
    flops, moved = entry.workload.flops, entry.workload.bytes
    ratio, low, high = None, None, None
    if fastest is not None:
        ratio = seconds.median / spread(fastest.samples).median
        low, high = band(entry.samples, fastest.samples)
    return {
        "samples": list(entry.samples),
        "calls_per_sample": entry.calls,
        "median": seconds.median,
        "iqr": seconds.iqr,
        "ratio": ratio,
        "low": low,
        "high": high,
        "confidence": confidence(len(entry.samples)),
        "flops": flops,
        "bytes": moved,
        "flops_per_second": flops / seconds.median,
        "bytes_per_second": moved / seconds.median,
        "share_of_limit": limits.least_seconds(flops, moved) / seconds.median if limits else None,
    }
