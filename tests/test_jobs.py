"""A run shared out over several processes gives the records of one process, in their order."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.record import Record, Verdict
from veriformer.run import Plan, checked, found_in


def told(workers: int, target: str = "numpy") -> list[dict[str, Any]]:
    """The records of a quick run, without the times."""
    laws, dtypes = ("agrees_with_the_spec", "rows_sum_to_one"), ("float32", "float64")
    selection = Selection(("residual", "softmax"), laws, dtypes)
    suite = Suite(found_in([target]), selection, Budget(examples=3, quick=True, seed=7))
    plan = Plan(suite, targets=(target,), real=False, workers=workers)
    return [plain(record) for record in checked(plan)]


def plain(record: Record) -> dict[str, Any]:
    """A record as a dictionary, its time set to zero."""
    return dataclasses.asdict(dataclasses.replace(record, seconds=0.0))


def test_two_workers_say_what_one_says() -> None:
    """The same verdicts, counts and ratios, in the same order."""
    alone, shared = told(1), told(2)
    assert len(alone) == 6
    assert shared == alone


NOISY = """
import random
import numpy as np
from veriformer import Implementation
impl = Implementation("noisy")
@impl.component
def residual(x, sublayer_output):
    if random.random() < 0.1:
        raise ValueError(f"not now: {object()}")
    return x + sublayer_output + np.random.standard_normal(x.shape).astype(x.dtype)
@impl.component
def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True)) + np.random.random(x.shape).astype(x.dtype)
    return e / e.sum(-1, keepdims=True)
"""
"""Every answer is drawn from everybody's generators, and so is whether there is one."""


def test_who_draws_random_numbers_is_told_the_same_in_every_run(tmp_path: Path) -> None:
    """Verdicts, messages and counterexamples; whatever the process has drawn before."""
    target = tmp_path / "noisy.py"
    target.write_text(NOISY)
    alone, shared = told(1, str(target)), told(2, str(target))
    assert {record["verdict"] for record in alone} & {Verdict.BROKEN, Verdict.CRASHED}
    assert as_text(shared) == as_text(alone) == as_text(told(1, str(target)))


def as_text(records: list[dict[str, Any]]) -> list[str]:
    """Records as they are written."""
    return [Record(**record).to_json() for record in records]
