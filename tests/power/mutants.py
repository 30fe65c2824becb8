"""Slips made by rule from our own sources: each is planted alone and judged with default settings; what was found, and how."""

from __future__ import annotations

import resource
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.mutants.chosen import Mutant, chosen
from tests.mutants.equivalents import EQUIVALENT
from tests.mutants.planted import planted
from tests.power.shared_out import shared_out
from tests.power.table import percent, table
from veriformer import Implementation
from veriformer.impls.discover import Found
from veriformer.properties import SUBJECTS
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.properties.truth import Truths
from veriformer.record import Record

TITLE = "Slips made by rule"
DEFAULT = Budget(25)
"""What `veriformer check` has without further arguments."""
QUICK_EVERY = 18
"""Every so manieth of NumPy's is judged in the quick form, stacks left out."""

MEMORY = 4 << 30
"""Bytes that the process of a slip may take: one that recurs for ever gets a MemoryError, and is found by it."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each slip."""
    frameworks = ("numpy",) if quick else ("numpy", "torch", "jax")
    wanted = [one for framework in frameworks for one in chosen(framework)]
    if quick:
        wanted = [one for one in wanted if one.name not in EQUIVALENT and not SUBJECTS[one.component].stack]
        wanted = wanted[::QUICK_EVERY]
    groups = dict.fromkeys((one.framework, one.component) for one in wanted)
    names = [[one.name for one in wanted if (one.framework, one.component) == group] for group in groups]
    return shared_out(judge_mutants, [(framework, names[i], quick) for i, (framework, _) in enumerate(groups)])


def judge_mutants(framework: str, names: Sequence[str], quick: bool) -> list[dict[str, Any]]:
    """What `veriformer check -x` says of slips in one component: they meet the same inputs, and share their truth."""
    truths = Truths()
    return [judge_mutant(one, truths, quick) for one in chosen(framework) if one.name in names]


def judge_mutant(mutant: Mutant, truths: Truths, quick: bool = False) -> dict[str, Any]:
    """One slip, in every dtype that is offered until it is found; in the first alone in the quick form."""
    row = {
        "name": mutant.name,
        "framework": mutant.framework,
        "component": mutant.component,
        "kind": mutant.mutation.kind,
        "equivalent": EQUIVALENT.get(mutant.name, ""),
    }
    with ExitStack() as stack:
        stack.enter_context(limited())
        try:
            implementation = stack.enter_context(planted(mutant.framework, mutant.component, mutant.mutation.text))
        except Exception as error:  # noqa: BLE001  (whatever the import of a mutant raises is how it is found)
            return {**row, "found": True, "law": f"import: {type(error).__name__}: {error}", "examples": 0}
        return {**row, **judge(implementation, mutant.judged_in, truths, quick)}


@contextmanager
def limited() -> Iterator[None]:
    """No more than MEMORY in here."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def judge(implementation: Implementation, components: tuple[str, ...], truths: Truths, quick: bool) -> dict[str, Any]:
    """Which law found it, after how many examples: of that law, and of all before it."""
    selection = Selection(components, (), implementation.dtypes[: 1 if quick else None], ("cpu",))
    suite = Suite([Found(implementation.name, implementation)], selection, DEFAULT, exit_first=True, truths=truths)
    before = 0
    for record in suite.records():
        if record.bad:
            return said(record, before)
        before += record.judged
    return {"found": False, "law": "", "examples_of_all_laws": before}


def said(record: Record, before: int) -> dict[str, Any]:
    """What the first broken law said."""
    own = int((record.counterexample or {}).get("examples", 1))
    return {
        "found": True,
        "law": record.law or "is declared as it can be judged",
        "dtype": record.dtype,
        "verdict": str(record.verdict),
        "examples": own,
        "examples_of_all_laws": before + own,
    }


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: what is not shown to be equivalent is found, and what is is not."""
    for one in rows:
        if not one["found"] and not one["equivalent"]:
            yield f"{one['name']} is not found, and nothing says that it is equivalent"
        if one["found"] and one["equivalent"]:
            yield f"{one['name']} is found, and said to be equivalent"
    if not quick:
        yield from (f"{name} is said to be equivalent, and not among the slips" for name in stale(rows))


def stale(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Reasons that belong to nothing."""
    return sorted(set(EQUIVALENT) - {one["name"] for one in rows})


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """How many are found: of each framework, component and kind; and why the others are not."""
    found = [one for one in rows if one["found"]]
    equal = [one for one in rows if not one["found"] and one["equivalent"]]
    examples = [one["examples"] for one in found] or [0]
    how = Counter("raises" if one.get("verdict", "crashed") == "crashed" else "answers wrongly" for one in found)
    summary = (
        f"{len(rows)} slips; found: {len(found)} ({percent(len(found), len(rows) - len(equal))} of those that change an "
        f"answer); {len(equal)} change nothing that honest code may not change too. Found because the code "
        f"{', '.join(f'{what}: {count}' for what, count in how.items())}. "
        f"Examples of the law that finds it: median {statistics.median(examples):g}, worst {max(examples)}."
    )
    laws = Counter(one["law"] for one in found)
    lines = [(one["name"], one["equivalent"] or "NOT FOUND") for one in rows if not one["found"]]
    parts = [summary, *(shares(rows, by) for by in ("framework", "kind", "component"))]
    parts.append(table(("law", "finds"), laws.most_common()))
    return "\n\n".join(parts + ([table(("not found", "why"), lines)] if lines else []))


def shares(rows: Sequence[dict[str, Any]], by: str) -> str:
    """Planted, found, equivalent, and examples needed, for each framework, kind or component."""
    lines = []
    for group in dict.fromkeys(one[by] for one in rows):
        here = [one for one in rows if one[by] == group]
        found = [one for one in here if one["found"]]
        examples = [one["examples"] for one in found]
        middle = f"{statistics.median(examples):g}" if examples else "-"
        equal = sum(bool(one["equivalent"]) and not one["found"] for one in here)
        lines.append((group, len(here), len(found), equal, middle, max(examples, default="-")))
    return table((by, "planted", "found", "equivalent", "examples, median", "worst"), lines)
