"""Judging again only what was broken: nothing else is asked, and nothing that was broken is left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.commands import SEVENS
from veriformer.cli import main
from veriformer.record import Record, Verdict, read, write

WRONG = """
from veriformer import Implementation
import numpy as np
impl = Implementation("mine")
other = Implementation("other")
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
@impl.component
@other.component
def relu(x):
    return np.maximum(x, 0)
@impl.component
def gelu(x):
    raise ValueError("not yet")
"""


def check(capsys: pytest.CaptureFixture[str], records: Path, *options: object) -> tuple[int, list[Record], str]:
    """Exit code, verdicts and messages of a quick check."""
    quick = ("--quick", "--examples", "0", "--json", records)
    with pytest.raises(SystemExit) as exited:
        main([str(option) for option in ("check", *options, *quick)])
    printed = capsys.readouterr()
    rows = [record for record in read(records) if record.kind == "verdict"] if records.exists() else []
    return int(exited.value.code or 0), rows, printed.out + printed.err


@pytest.mark.parametrize("workers", [1, 2])
def test_judges_what_was_bad_and_nothing_else(workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One dtype of three components first; then, mended, the same keys again, and exit 0."""
    target, first, second = (tmp_path / name for name in ("mine.py", "first.jsonl", "second.jsonl"))
    target.write_text(WRONG)
    code, rows, _ = check(capsys, first, target, "--dtype", "float32")
    broken = [row.key for row in rows if row.bad]
    assert code == 1
    assert {row.component for row in rows} == {"residual", "relu", "gelu"}
    assert {component for _, component, _, _, _ in broken} == {"residual", "gelu"}
    write(first, [*read(first), Record("timing", "mine", "relu", verdict=Verdict.BROKEN)])  # says nothing of laws
    target.write_text(WRONG.replace(" - ", " + ").replace('raise ValueError("not yet")', "return impl"))
    code, rows, _ = check(capsys, second, target, "--only-broken", first, "-j", workers)
    assert code == 1, "gelu still answers nothing"
    assert sorted(row.key for row in rows if row.law) == sorted(broken)
    assert {row.component for row in rows if row.bad} == {"gelu"}


def test_nothing_was_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not of these targets: misuse, and it says so."""
    write(tmp_path / "first.jsonl", [Record("verdict", "another", "relu", "is_even", verdict=Verdict.BROKEN)])
    code, rows, said = check(capsys, tmp_path / "second.jsonl", "numpy", "--only-broken", tmp_path / "first.jsonl")
    assert (code, rows) == (2, [])
    assert "the records hold nothing broken or crashed of numpy; leave out --only-broken" in said


def test_a_convention_that_nothing_explains_is_asked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is only known to be broken of who meets the formula: that law is asked with it."""
    target, first, second = (tmp_path / name for name in ("sevens.py", "first.jsonl", "second.jsonl"))
    target.write_text(SEVENS)
    _, rows, _ = check(capsys, first, target, "--dtype", "float32")
    convention = next(row for row in rows if row.law == "follows_a_convention")
    write(first, [dataclasses.replace(convention, counterexample=None)])
    code, rows, _ = check(capsys, second, target, "--only-broken", first)
    assert code == 1
    assert {(row.law, row.verdict) for row in rows if row.dtype == "float32"} == {
        ("follows_a_convention", Verdict.BROKEN),
        ("agrees_with_the_spec", Verdict.HELD),
    }


def test_a_convention_can_be_asked_for_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As any law whose name a reader has seen broken."""
    target, records = tmp_path / "sevens.py", tmp_path / "records.jsonl"
    target.write_text(SEVENS)
    code, rows, _ = check(capsys, records, target, "--dtype", "float32", "--law", "follows_a_convention")
    assert code == 1
    assert {(row.law, row.verdict) for row in rows if row.dtype == "float32"} == {
        ("follows_a_convention", Verdict.BROKEN),
        ("agrees_with_the_spec", Verdict.HELD),
    }


def test_a_crash_before_any_law_asks_everything_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty name in a key stands for any."""
    record = Record("verdict", "numpy", "residual", "", "float32", "cpu", verdict=Verdict.CRASHED)
    write(tmp_path / "first.jsonl", [record])
    code, rows, _ = check(capsys, tmp_path / "second.jsonl", "numpy", "--only-broken", tmp_path / "first.jsonl")
    assert code == 0
    assert len(rows) > 5
    assert {(row.component, row.dtype) for row in rows} == {("residual", "float32")}
