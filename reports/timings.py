"""Timings by workload: who is ranked, how fast, how noisy, and who is not ranked and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer.record import Record, Verdict
from veriformer.reports import values
from veriformer.reports.matrix import distinct, verdict_of


@dataclass(frozen=True)
class Timing:
    """One implementation on one workload."""

    label: str
    """The implementation, with dtype and device where the workload has several."""
    verdict: Verdict
    message: str
    median: float | None
    low: float | None
    high: float | None
    """The noise band: the middle half of the samples."""
    ratio: float | None
    between: tuple[float, float] | None
    """Lowest and highest ratio that the noise leaves possible."""
    place: str
    """The device, where the workload has several: the fastest is the fastest on its device."""
    facts: tuple[str, ...]
    """Rates reached, and the share of the machine's limit."""

    @property
    def ranked(self) -> bool:
        """Only what held is ranked."""
        return self.verdict == Verdict.HELD and self.median is not None

    @property
    def noise(self) -> str:
        """Half the noise band as a share of the median."""
        if not self.median or self.low is None or self.high is None:
            return ""
        return f"± {50 * (self.high - self.low) / self.median:.2g} %"

    @property
    def standing(self) -> str:
        """The place in the ranking in words, or why there is none."""
        if self.ranked:
            return self.rank
        if self.median is None:
            return self.message if self.message.startswith(self.verdict) else f"{self.verdict}: {self.message}"
        return self.message if "not ranked" in self.message else f"not ranked: {self.message or self.verdict}"

    @property
    def rank(self) -> str:
        """How many times the fastest one's duration, and whether the noise lets us tell them apart."""
        if self.ratio is None:
            return ""
        if self.ratio == 1:
            return f"fastest on {self.place}" if self.place else "fastest"
        return f"{self.ratio:.3g}×" + (" (within noise)" if self.between and self.between[0] <= 1 else "")


@dataclass(frozen=True)
class Panel:
    """One workload: fastest first, then those not ranked, then those not timed."""

    workload: str
    component: str
    timings: tuple[Timing, ...]


def panels(records: Iterable[Record]) -> tuple[Panel, ...]:
    """All workloads, in the order in which they were run."""
    rows = [row for row in records if row.kind == "timing"]
    keys = dict.fromkeys((row.workload, row.component) for row in rows)
    return tuple(panel(*key, [row for row in rows if (row.workload, row.component) == key]) for key in keys)


def panel(workload: str, component: str, rows: list[Record]) -> Panel:
    """One workload."""
    dtypes, devices = distinct(row.dtype for row in rows), distinct(row.device for row in rows)
    several = (len(dtypes) > 1, len(devices) > 1)
    timings = [timing(row, several) for row in rows]
    timings.sort(key=lambda one: (one.median is None, not one.ranked, one.median or 0.0))
    return Panel(workload, component, tuple(timings))


def timing(row: Record, several: tuple[bool, bool]) -> Timing:
    """One row, its noise band taken from the samples where there are any."""
    taken: Mapping[str, Any] = row.timing or {}
    median, iqr = positive(taken.get("median")), taken.get("iqr") or 0.0
    samples = taken.get("samples") or ()
    low, high = (None, None) if median is None else (max(median - iqr / 2, 0.0), median + iqr / 2)
    if median is not None and len(samples) > 1:
        low, high = (float(bound) for bound in np.percentile(samples, (25, 75)))
    dtype, device = (name if shown else "" for name, shown in zip((row.dtype, row.device), several, strict=True))
    label = " · ".join(filter(None, (row.implementation, dtype, device)))
    lowest, highest = positive(taken.get("low")), positive(taken.get("high"))
    between = None if lowest is None or highest is None else (lowest, highest)
    ratio = positive(taken.get("ratio"))
    return Timing(label, verdict_of(row), row.message, median, low, high, ratio, between, device, rates(taken))


def banded(low: float | None, high: float | None) -> str:
    """What the noise leaves possible of the ratio to the fastest."""
    return "" if low is None or high is None or low == high else f"{low:.3g} to {high:.3g}× the fastest"


def positive(value: Any) -> float | None:
    """A duration that a clock can have shown."""
    return float(value) if isinstance(value, int | float) and 0 < value < math.inf else None


def rates(taken: Mapping[str, Any]) -> tuple[str, ...]:
    """What was reached, in words."""
    limit = taken.get("share_of_limit")
    return tuple(
        filter(
            None,
            (
                banded(positive(taken.get("low")), positive(taken.get("high"))),
                values.rate(taken.get("flops_per_second"), "FLOP/s"),
                values.rate(taken.get("bytes_per_second"), "B/s"),
                "" if limit is None else f"{100 * limit:.2g} % of the limit",
            ),
        )
    )
