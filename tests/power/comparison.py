"""The comparison: planted bugs and honest controls under other people's tolerances and under the derived bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.power.honest import FAMILIES, controls
from tests.power.known import covering
from tests.power.planted import planted, real, slips
from tests.power.policies import ON_RANDN, OURS, POLICIES
from tests.power.shared_out import shared_out
from tests.power.table import percent, table
from tests.power.trial import AGREES, GRADIENTS, tried
from veriformer.impls.protocol import DTYPES
from veriformer.properties.truth import Truths
from veriformer.record import Record

TITLE = "The comparison"
ROWS, QUICK_ROWS = 6, 2
SLIPS_EACH = 12
"""Slips that one task plants."""
QUICK_SLIPS = 3
EVERY = 8
"""A quick run takes one control in so many."""
ORDER = (OURS, *POLICIES, ON_RANDN)


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each honest control or bug, dtype and policy."""
    dtypes = ("float32", "bfloat16") if quick else DTYPES
    honest = [
        (family, component, dtype, quick)
        for family in FAMILIES
        for component in dict.fromkeys(one.component for one in controls(family))
        for dtype in dtypes
    ]
    numbers = range(0, len(slips()), SLIPS_EACH)
    chosen = [tuple(range(n, min(n + SLIPS_EACH, len(slips())))) for n in numbers]
    if quick:
        chosen = [tuple(range(0, len(slips()), max(1, len(slips()) // QUICK_SLIPS)))]
    bugs = [(numbers, dtype, quick) for numbers in chosen for dtype in dtypes]
    return [
        *shared_out(try_honest, honest),
        *shared_out(try_slips, bugs),
        *shared_out(try_real, [(dtype, quick) for dtype in dtypes if not quick]),
    ]


def try_honest(family: str, component: str, dtype: str, quick: bool) -> list[dict[str, Any]]:
    """How often each policy accuses honest code."""
    rows, truths = [], Truths()
    for one in controls(family)[:: EVERY if quick else 1]:
        offered = one.component == component and dtype in one.implementation.dtypes
        slow = one.slow or one.implementation.backend == "jax"
        if not offered or slow or deviates(one.implementation.name, component, dtype):
            continue
        size = QUICK_ROWS if quick else ROWS // 2
        trial = tried(one.implementation, component, dtype, truths, rows=size, seeds=1, to_the_end=True)
        rows += told("honest", component, one.how, dtype, trial)
    return rows


def deviates(implementation: str, component: str, dtype: str) -> bool:
    """Does a known deviation speak of its values? What is not honest is no honest control."""
    return any(covering(Record("verdict", implementation, component, law, dtype, "cpu")) for law in (AGREES, GRADIENTS))


def try_slips(numbers: Sequence[int], dtype: str, quick: bool) -> list[dict[str, Any]]:
    """Which policies ever see these slips."""
    rows, truths = [], Truths()
    for number in numbers:
        framework, component, name, old, new = slips()[number]
        with planted(framework, component, old, new) as implementation:
            if dtype in implementation.dtypes:
                trial = tried(implementation, component, dtype, truths, rows=ROWS, seeds=1, to_the_end=False)
                rows += told("slip", component, f"{framework}: {name}", dtype, trial)
    return rows


def try_real(dtype: str, quick: bool) -> list[dict[str, Any]]:
    """Which policies ever see the real bugs."""
    rows, truths = [], Truths()
    for bug in real():
        if bug.implementation is not None and dtype in bug.implementation.dtypes:
            trial = tried(bug.implementation, bug.component, dtype, truths, rows=ROWS, seeds=1, to_the_end=False)
            rows += told("real bug", bug.component, bug.id, dtype, trial)
    return rows


def told(what: str, component: str, name: str, dtype: str, trial: Any) -> list[dict[str, Any]]:
    """One row for each policy."""
    common = {"what": what, "component": component, "name": name, "dtype": dtype}
    return [
        {**common, "policy": policy, "asked": said.asked, "accused": said.accused}
        for policy, said in trial.said.items()
    ]


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: our bound accuses no honest code."""
    for one in rows:
        if one["what"] == "honest" and one["policy"] == OURS and one["accused"]:
            yield f"{one['component']}: {one['name']} ({one['dtype']}) is accused on {one['accused']} inputs"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """False alarms in percent of answers, and bugs that are never accused; by dtype."""
    dtypes = [dtype for dtype in DTYPES if any(one["dtype"] == dtype for one in rows)]
    lines = []
    for policy in ORDER:
        line = [policy]
        for dtype in dtypes:
            here = [one for one in rows if one["dtype"] == dtype and one["policy"] == policy]
            honest = [one for one in here if one["what"] == "honest"]
            alarms = percent(sum(one["accused"] for one in honest), sum(one["asked"] for one in honest))
            missed, of = missing(rows, dtype, policy)
            line.append(f"{alarms}, {missed} of {of}")
        lines.append(line)
    legend = "False alarms in percent of the answers of honest code, and planted bugs that are never accused."
    return f"{legend}\n\n{table(('policy', *dtypes), lines)}"


def missing(rows: Sequence[dict[str, Any]], dtype: str, policy: str) -> tuple[int, int]:
    """Bugs that a policy never accuses, of how many."""
    bugs = {
        (one["what"], one["component"], one["name"])
        for one in rows
        if one["dtype"] == dtype and one["what"] != "honest"
    }
    seen = {
        (one["what"], one["component"], one["name"])
        for one in rows
        if one["dtype"] == dtype and one["policy"] == policy and one["what"] != "honest" and one["accused"]
    }
    return len(bugs - seen), len(bugs)
