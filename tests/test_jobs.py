"""A run shared out over several processes gives the records of one process, in their order."""

from __future__ import annotations

import dataclasses
from typing import Any

from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.search import Budget
from veriformer.record import Record
from veriformer.run import Plan, checked, found_in


def told(workers: int) -> list[dict[str, Any]]:
    """The records of a quick run, without the times."""
    selection = Selection(("residual", "softmax"), ("agrees_with_the_spec", "rows_sum_to_one"), ("float32", "float64"))
    suite = Suite(found_in(["numpy"]), selection, Budget(examples=3, quick=True, seed=7))
    plan = Plan(suite, targets=("numpy",), real=False, workers=workers)
    return [plain(record) for record in checked(plan)]


def plain(record: Record) -> dict[str, Any]:
    """A record as a dictionary, its time set to zero."""
    return dataclasses.asdict(dataclasses.replace(record, seconds=0.0))


def test_two_workers_say_what_one_says() -> None:
    """The same verdicts, counts and ratios, in the same order."""
    alone, shared = told(1), told(2)
    assert len(alone) == 6
    assert shared == alone
