"""Outcome: what one case came to, weighed, and the tally of a law's cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from veriformer.impls.protocol import Raised
from veriformer.properties.law import Case, Evidence
from veriformer.record import BAD, BUCKETS, Verdict, bucket_of

SUITE_FAILED = "the suite failed"
"""How a record begins that accuses the suite itself."""
OVERFLOWS = "honest code may overflow here"
SAYS_NOTHING = "the bound of honest code says nothing here"
"""Why a case is abstained from."""


@dataclass(frozen=True)
class Weighed:
    """One piece of evidence, weighed: is it judged at all, does it refute, and where is it worst?"""

    evidence: Evidence
    judged: bool
    refuted: bool
    ratio: float
    ulps: float
    index: tuple[int, ...]
    keeps_layer: bool | None
    """Does it also stay within what `layer` allows? None where that was not asked."""
    overflows: bool
    """May an honest computation overflow at some element, so that nothing is claimed there?"""


@dataclass(frozen=True)
class Outcome:
    """What one case came to."""

    verdict: Verdict
    weighed: tuple[Weighed, ...] = ()
    raised: Raised | None = None
    reason: str = ""

    @property
    def bad(self) -> bool:
        """Does it decide the law?"""
        return self.verdict in BAD

    @property
    def worst(self) -> Weighed | None:
        """The piece of evidence that weighs most."""
        return max((w for w in self.weighed if w.judged), key=lambda w: (w.refuted, w.ratio), default=None)


@dataclass
class Tally:
    """The counts of one law's cases."""

    held: int = 0
    abstained: int = 0
    overflowing: int = 0
    """Those of the abstained cases in which an honest computation may overflow; the others' bounds say nothing."""
    unsupported: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    worst_ratio: float = 0.0
    worst_ulps: float = 0.0
    bitwise: bool | None = None
    keeps_layer: bool | None = None
    ratios: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    worst_case: Mapping[str, Any] | None = None
    """How the case of the largest ratio was drawn, and where in it the error is."""

    def add(self, outcome: Outcome, case: Case = Case()) -> None:  # noqa: B008  (it is frozen)
        """Count one case."""
        self.held += outcome.verdict is Verdict.HELD or outcome.bad
        abstained = outcome.verdict is Verdict.ABSTAINED
        self.abstained += abstained
        self.overflowing += abstained and any(w.overflows for w in outcome.weighed if not w.judged)
        self.unsupported += outcome.verdict is Verdict.UNSUPPORTED
        if outcome.reason:
            self.reasons[outcome.reason] = self.reasons.get(outcome.reason, 0) + 1
        for weighed in outcome.weighed:
            if weighed.judged:
                self.ratios[bucket_of(weighed.ratio)] += 1
                worst = max(self.worst_ratio, weighed.ratio)
                if worst != self.worst_ratio and case.recipe:
                    where = {"comparison": weighed.evidence.comparison, "index": list(weighed.index)}
                    self.worst_case = {**case.recipe, **where}
                self.worst_ratio = worst
                self.worst_ulps = max(self.worst_ulps, weighed.ulps)
            if weighed.keeps_layer is not None:
                self.keeps_layer = weighed.keeps_layer and self.keeps_layer is not False
            if weighed.evidence.bitwise is not None:
                self.bitwise = weighed.evidence.bitwise and self.bitwise is not False

    def verdict(self) -> Verdict:
        """`held` needs at least half of the drawn cases judged."""
        drawn = self.held + self.abstained + self.unsupported
        if drawn and 2 * self.held >= drawn:
            return Verdict.HELD
        return Verdict.ABSTAINED if self.abstained else Verdict.UNSUPPORTED

    def why(self) -> str:
        """The reasons for what was not judged, most frequent first."""
        reasons = dict(self.reasons)
        abstained = {OVERFLOWS: self.overflowing, SAYS_NOTHING: self.abstained - self.overflowing}
        reasons |= {reason: count for reason, count in abstained.items() if count}
        ordered = sorted(reasons.items(), key=lambda item: -item[1])
        return "; ".join(f"{reason} ({count})" for reason, count in ordered[:5])
