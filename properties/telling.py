"""Telling: the record of a verdict, with its message and all that is needed to see a counterexample again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from veriformer.impls.protocol import Door
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import Outcome
from veriformer.properties.settle import Settled
from veriformer.record import Record
from veriformer.spec import in_form


def message_of(outcome: Outcome) -> str:
    """One sentence on what went wrong."""
    if outcome.raised is not None:
        return f"{outcome.raised.type}: {outcome.raised.message}"
    worst = outcome.worst
    if worst is None:
        return ""
    if worst.evidence.scale is None:
        return f"{worst.evidence.comparison}: got {worst.evidence.got}, wanted {worst.evidence.wanted}"
    return f"{worst.evidence.comparison}: error / bound = {worst.ratio:.3g}"


def counterexample(
    law: Law, door: Door, case: Case, outcome: Outcome, examples: int, settled: Settled
) -> Mapping[str, Any]:
    """All that a reader, and a script, need to see the failure again."""
    names = in_form(law.component, law.form).positional
    weighed = outcome.worst
    evidence = weighed.evidence if weighed else None
    return {
        "arguments": dict(zip(names, case.arguments, strict=False)),
        "options": dict(case.options),
        "extra": dict(case.extra),
        "layouts": [[list(path), layout] for path, layout in case.layouts.items()],
        "aliases": [list(group) for group in case.aliases],
        "extension": case.extension,
        "conventions": dict(settled.values),
        "comparison": evidence.comparison if evidence else "",
        "got": evidence.got if evidence else None,
        "wanted": evidence.wanted if evidence else None,
        "observed": evidence.observed if evidence else None,
        "allowed": evidence.allowed if evidence else None,
        "ratio": weighed.ratio if weighed else None,
        "ulps": weighed.ulps if weighed else None,
        "index": list(weighed.index) if weighed else [],
        "traceback": outcome.raised.traceback if outcome.raised else "",
        "examples": examples,
    }


def record(law: Law, door: Door, budget: Budget, started: float, **fields: Any) -> Record:
    """The row of one verdict."""
    return Record(
        kind="verdict",
        implementation=door.name,
        component=law.component,
        law=law.name,
        sentence=law.sentence,
        dtype=door.dtype,
        device=door.device,
        seed=budget.seed,
        seconds=time.perf_counter() - started,
        **fields,
    )
