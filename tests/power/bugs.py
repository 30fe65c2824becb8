"""Real bugs: each re-created one is planted alone and judged with default settings; what was found, and how."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bugs.bug import ABSENT, DECLARED, FOUND, HONEST
from tests.power.defects import written
from tests.power.judging import judged
from tests.power.planted import real
from tests.power.policies import ON_RANDN
from tests.power.shared_out import shared_out
from tests.power.table import percent, table
from tests.power.trial import tried
from veriformer.properties.menu import Budget
from veriformer.properties.truth import Truths
from veriformer.record import Record

TITLE = "Real bugs"
IDS = Path(__file__).parent.parent / "bugs" / "ids.json"
DEFAULT = Budget(25)
"""What `veriformer check` has without further arguments."""
QUICK_BUGS = 8
TOGETHER = 4
"""Bugs that one task judges."""


def everything() -> list[dict[str, str]]:
    """All 80: id, component, class and thread."""
    known: list[dict[str, str]] = json.loads(IDS.read_text(encoding="utf-8"))
    return known


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each of the 80, those that are not re-created included."""
    count = len(real())
    chosen = list(range(0, count, max(1, count // QUICK_BUGS)))[:QUICK_BUGS] if quick else list(range(count))
    tasks = [(tuple(chosen[i : i + TOGETHER]), quick) for i in range(0, len(chosen), TOGETHER)]
    made = {one["id"]: one for one in shared_out(judge_bugs, tasks)}
    known = {one["id"]: one for one in everything()}
    missing = {**dict.fromkeys(("law", "diagnosis"), ""), "fate": "not re-created", "found": False, "on_randn": False}
    rows = [{**missing, **one, **made.get(name, {})} for name, one in known.items() if not quick or name in made]
    return rows + [one for name, one in made.items() if name not in known]


def judge_bugs(numbers: Sequence[int], quick: bool) -> list[dict[str, Any]]:
    """What `veriformer check -x` says of each, and what randn with assert_close says."""
    return [judge_bug(bug, quick) for bug in (real()[number] for number in numbers)]


def judge_bug(bug: Any, quick: bool) -> dict[str, Any]:
    """One bug, in each dtype that it offers until it is found."""
    row = {"id": bug.id, "judged_as": bug.component, "fate": bug.fate, "why": bug.why, "found": False}
    if bug.implementation is None:
        return row
    before, guilty = 0, None
    for dtype in bug.implementation.dtypes:
        for record in judged([bug.implementation], bug.component, dtype, DEFAULT, exit_first=True):
            if record.bad:
                guilty = record
                break
            before += record.judged
        if guilty:
            break
    return {**row, **said(guilty, before), "on_randn": False if quick else seen_on_randn(bug)}


def said(record: Record | None, before: int) -> dict[str, Any]:
    """What the first broken law said; its examples, alone and after those of the laws before it."""
    if record is None:
        return {"law": "", "diagnosis": ""}
    own = int((record.counterexample or {}).get("examples", 1))
    return {
        "found": True,
        "dtype": record.dtype,
        "law": record.law,
        "verdict": str(record.verdict),
        "message": record.message,
        "diagnosis": record.diagnosis,
        "examples": own,
        "examples_of_all_laws": before + own,
        "numbers": written(record),
    }


def seen_on_randn(bug: Any) -> bool:
    """Does assert_close ever accuse it on normal inputs, in all the shapes of the menu, gradients included?"""
    dtype = bug.implementation.dtypes[0]
    if bug.implementation.offers[bug.component].form != "function":
        return False
    trial = tried(
        bug.implementation, bug.component, dtype, Truths(), rows=10, seeds=3, to_the_end=True, kinds=("normal",)
    )
    return bool(ON_RANDN in trial.said and trial.said[ON_RANDN].accused)


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: what is expected to be found is."""
    for one in rows:
        if one["fate"] in (FOUND, DECLARED) and not one["found"]:
            yield f"{one['id']} ({one.get('judged_as', one['component'])}) is not found"
        if one["fate"] == HONEST and one["found"]:
            yield f"{one['id']} is found, and said to be honest"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """The share found, by component and class, and each bug."""
    made = [one for one in rows if one["fate"] != "not re-created"]
    found = [one for one in rows if one["found"]]
    examples = [one["examples"] for one in found]
    summary = (
        f"{len(rows)} bugs, {len(made)} of them re-created; found: {len(found)} ({percent(len(found), len(rows))} of all). "
        f"`randn` inputs and assert_close: {sum(bool(one['on_randn']) for one in rows)}. "
    )
    if examples:
        summary += f"Examples of the law that finds it: median {statistics.median(examples):g}, worst {max(examples)}."
    absent = [one for one in made if one["fate"] == ABSENT]
    summary += (
        f" No such component: {len(absent)}. Honest code may do the same: {sum(o['fate'] == HONEST for o in made)}."
    )
    heads = ("", "component", "fate", "law", "examples", "numbers", "diagnosis", "randn + assert_close")
    lines = [
        (
            f"[{one['id']}]({one['url']})" if "url" in one else one["id"], one.get("judged_as", one.get("component")),
            ("found" if one["found"] else "NOT FOUND") if one["fate"] in (FOUND, DECLARED) else one["fate"],
            one.get("law") or "-", one.get("examples", "-"), one.get("numbers", "-"), one.get("diagnosis") or "-",
            "found" if one["on_randn"] else "-",
        )
        for one in rows
    ]  # fmt: skip
    return "\n\n".join([summary, shares(rows, "component"), shares(rows, "class"), table(heads, lines)])


def shares(rows: Sequence[dict[str, Any]], by: str) -> str:
    """Found, of how many, for each component or class."""
    groups = dict.fromkeys(str(one.get(by, "-")) for one in rows)
    lines = []
    for group in groups:
        here = [one for one in rows if str(one.get(by, "-")) == group]
        found, easy = (sum(bool(one[what]) for one in here) for what in ("found", "on_randn"))
        lines.append((group, f"{found} of {len(here)}", f"{easy} of {len(here)}"))
    return table((by, "found", "randn + assert_close"), lines)
