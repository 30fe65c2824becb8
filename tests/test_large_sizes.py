"""Large sizes: what goes wrong beyond 16 bits is found there and shown small; who cannot go so far is not accused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from veriformer.impls.door import find
from veriformer.impls.spawned import Limits
from veriformer.impls.tree import leaves
from veriformer.properties import LAWS, SUBJECTS
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget, is_large
from veriformer.properties.minimise import simplifications
from veriformer.record import Record, Verdict

LAW = "large_sizes_agree_with_the_spec"
SOFTMAX = """
import time
import numpy as np
from veriformer import Implementation

impl = Implementation("large", backend="numpy")


@impl.component
def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    {body}
    return p
"""


def judged(body: str, tmp_path: Path, budget: Budget | None = None, limits: Limits | None = None) -> Record:
    """The verdict of the law on a softmax in a process of its own, with a line more."""
    path = tmp_path / "mine.py"
    path.write_text(SOFTMAX.format(body=body))
    selection = Selection(("softmax",), (LAW,), ("float32",), ("cpu",))
    found = find(str(path), limits)
    (record,) = Suite(found, selection, budget or Budget(0)).records()
    return record


def test_they_come_last() -> None:
    """Who is stopped there is asked nothing more."""
    for name, laws in LAWS.items():
        subject = SUBJECTS[name]
        last = 0 if not subject.large else 2 if subject.differentiable else 1
        assert [is_large(law) for law in laws] == [False] * (len(laws) - last) + [True] * last, name


def test_rows_that_are_left_out_are_found_and_shown_by_zeros(tmp_path: Path) -> None:
    """A grid of 65,535 blocks: the rows beyond stay 0. Any input shows it, so that none need be read."""
    record = judged("p[65535:] = 0", tmp_path)
    assert record.verdict is Verdict.BROKEN
    example = record.counterexample or {}
    assert not any(np.any(leaf) for _, leaf in leaves(example["arguments"]))
    assert example["index"][0] >= 65535
    assert len(example["script"]) < 1000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("if len(x) > 65535: raise RuntimeError('invalid grid')", "sizes of real models: RuntimeError: invalid grid"),
        ("time.sleep(100 if x.size > 65535 else 0)", "sizes of real models: TimedOut: no answer within 2 s"),
    ],
)
def test_who_cannot_go_so_far_is_not_accused(body: str, said: str, tmp_path: Path) -> None:
    record = judged(body, tmp_path, limits=Limits(timeout=2.0))
    assert record.verdict in (Verdict.UNSUPPORTED, Verdict.HELD)
    assert said in record.message


def test_who_dies_there_is(tmp_path: Path) -> None:
    record = judged("if len(x) > 65535: import os; os.abort()", tmp_path)
    assert record.verdict is Verdict.CRASHED


@pytest.mark.parametrize("budget", [Budget(0, quick=True), Budget(0, quick=True).narrowed(8)], ids=["first", "beside"])
def test_a_quick_run_leaves_it_to_others(budget: Budget, tmp_path: Path) -> None:
    """In the dtypes beside float32 too."""
    record = judged("pass", tmp_path, budget)
    assert (record.verdict, record.message) == (Verdict.ABSENT, "asked in whole runs")


def test_of_many_rows_halves_are_left_out_first() -> None:
    """Not one copy of the array for each of its rows."""
    many = np.arange(1.0, 2 * 66_001 + 1).reshape(66_001, 2)
    tried = list(simplifications(many))
    assert len(tried) < 30
    left = [int((simpler != 0).any(-1).sum()) for simpler in tried]
    assert 66_001 - 66_001 // 2 in left
