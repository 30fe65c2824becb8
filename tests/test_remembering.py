"""What earlier calls leave behind is told apart from what is wrong in any case: a fresh process is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

import veriformer
from tests.commands import run
from veriformer.record import Record, Verdict

LAW = "remembers_nothing_of_earlier_calls"
HEAD = """
from veriformer import Implementation
import numpy as np
impl = Implementation("mine")
"""
DOUBLED = """
@impl.component
def relu(x):
    return 2 * x.clip(0)
"""
TABLE_BY_SHAPE = """
kept = {}
@impl.component
def relu(x):
    if x.shape not in kept:
        kept[x.shape] = x.clip(0)
    return kept[x.shape].astype(x.dtype)
"""
ONE_BUFFER_TWICE_AS_LARGE = """
buffers = {}
@impl.component
def relu(x):
    out = buffers.setdefault((x.shape, x.dtype), np.empty_like(x))
    out[...] = 2 * x.clip(0)
    return out
"""


def judged(body: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Record:
    """What the law says of a ReLU, asked in a process of its own."""
    plug_in, records = folder / "mine.py", folder / "records.jsonl"
    plug_in.write_text(HEAD + body)
    run(capsys, "check", plug_in, "--law", LAW, "--dtype", "float32", "--examples", 0, "--json", records)
    (record,) = (one for one in veriformer.record.read(records) if one.law == LAW)
    return record


def test_who_misses_the_formula_in_any_case_is_not_said_to_remember(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = judged(DOUBLED, tmp_path, capsys)
    assert record.verdict is Verdict.UNSUPPORTED
    assert "missed here by a fresh process too" in record.message


def test_who_keeps_an_answer_by_its_shape_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = judged(TABLE_BY_SHAPE, tmp_path, capsys)
    assert record.verdict is Verdict.BROKEN
    assert record.counterexample is not None


def test_who_writes_over_an_answer_is_told_so_whatever_it_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = judged(ONE_BUFFER_TWICE_AS_LARGE, tmp_path, capsys)
    assert record.verdict is Verdict.BROKEN
