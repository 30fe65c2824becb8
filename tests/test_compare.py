"""Comparing with older records: what became worse is exit 1 when asked for, what became better is listed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.record import Record, Verdict, write
from veriformer.reports.compare import compare

HELD = Record("verdict", "lib", "softmax", "is_even", "float32", "cpu", verdict=Verdict.HELD)


def row(verdict: Verdict = Verdict.HELD, **more: object) -> Record:
    """The row with another verdict, and whatever else is said."""
    return dataclasses.replace(HELD, verdict=verdict, **more)  # type: ignore[arg-type]


def following(value: str, **more: object) -> Record:
    """A row that follows a convention."""
    return row(conventions={"fully_masked": value}, **more)


@pytest.mark.parametrize(
    ("old", "new", "regressed", "said"),
    [
        (row(), row(), False, "Every verdict is the same as before"),
        (row(), row(Verdict.BROKEN), True, "lib · softmax · is_even · float32 · cpu: held -> broken"),
        (row(), row(Verdict.CRASHED), True, "held -> crashed"),
        (row(), row(Verdict.BROKEN, known="old"), False, "held -> broken, known: old"),
        (row(), row(Verdict.ABSTAINED), False, "Otherwise changed: 1"),
        (row(Verdict.ABSTAINED), row(Verdict.BROKEN), False, "Newly broken: 1"),
        (row(Verdict.BROKEN), row(Verdict.CRASHED), False, "broken -> crashed"),
        (row(Verdict.BROKEN), row(), False, "Newly held: 1\n  lib · softmax · is_even · float32 · cpu: broken -> held"),
        (row(), row(Verdict.BROKEN, law="is_odd"), False, "New: 1\nGone: 1"),
        (following("zero"), following("nan"), False, "zero -> nan"),
        (following("zero (undeclared)"), following("nan (undeclared)"), True, "zero (undeclared) -> nan (undeclared)"),
        (following("zero"), following("nan (undeclared)"), True, "Conventions followed differently: 1"),
        (following("zero (undeclared)"), following("zero"), False, "Every verdict is the same"),
        (following("zero"), following("zero (undeclared)"), False, "Every verdict is the same"),
        (following("zero"), following("undetermined: zero or nan"), True, "zero -> undetermined: zero or nan"),
        (following("undetermined: zero or nan"), following("zero (undeclared)"), False, "Every verdict is the same"),
        (following("zero"), following("not asked: no keyword for it"), False, "Every verdict is the same"),
        (following("zero"), following("nan (undeclared)", dtype="float64"), False, "New: 1\nGone: 1"),
    ],
)
def test_what_is_a_regression(
    old: Record, new: Record, regressed: bool, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A law that held and is broken, unless it is known; a convention that changed, unless it is declared."""
    assert compare([old], [new]).regressed is regressed
    for name, record in (("old", old), ("new", new)):
        write(tmp_path / name, [record])
    files = ("report", str(tmp_path / "new"), "--compare", str(tmp_path / "old"), "-o", str(tmp_path / "out"))
    for options, code in (((), 0), (("--fail-on-regression",), int(regressed))):
        with pytest.raises(SystemExit) as exited:
            main([*files, *options])
        assert exited.value.code == code
        assert said in capsys.readouterr().out
    for page in ("index.html", "report.md"):
        assert "What changed" in (tmp_path / "out" / page).read_text(encoding="utf-8")


def test_of_two_rows_the_one_that_is_not_known_counts() -> None:
    """The same key twice, as in records of two runs."""
    rows = [row(Verdict.BROKEN, known="old"), row(Verdict.BROKEN), row()]
    assert compare([row()], rows).regressed


def test_failing_needs_something_to_compare_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse, and what to write."""
    write(tmp_path / "new", [HELD])
    with pytest.raises(SystemExit) as exited:
        main(["report", str(tmp_path / "new"), "-o", str(tmp_path), "--fail-on-regression"])
    assert exited.value.code == 2
    assert "say which, --compare OLD.jsonl" in capsys.readouterr().err
