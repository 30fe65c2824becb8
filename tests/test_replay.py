"""Replay: a recorded counterexample, put again: FIXED, STILL BROKEN, or honestly not judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run

SIGN = """
from veriformer import Implementation
impl = Implementation("mine")
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
"""


@pytest.fixture
def broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path]:
    """A plug-in with a wrong sign, and the records of its check: two laws broken on float32."""
    target, records = tmp_path / "mine.py", tmp_path / "records.jsonl"
    target.write_text(SIGN)
    laws = ("--law", "agrees_with_the_spec", "--law", "zero_is_the_identity")
    quick = ("--quick", "--examples", 0, "--dtype", "float32", "--json", records)
    assert run(capsys, "check", target, *laws, *quick)[0] == 1
    return target, records


def test_still_broken(broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Unchanged code: exit 1, a line for each counterexample."""
    target, records = broken
    code, printed = run(capsys, "replay", records, target)
    assert code == 1
    assert printed.splitlines() == ["STILL BROKEN  residual of mine, agrees_with_the_spec, float32 on cpu"]


def test_fixed(broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Mended code: exit 0."""
    target, records = broken
    target.write_text(SIGN.replace(" - ", " + "))
    code, printed = run(capsys, "replay", records, target)
    assert code == 0
    assert printed.splitlines() == ["FIXED         residual of mine, agrees_with_the_spec, float32 on cpu"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((" - sublayer_output", " - sublayer_output if x.any() else 1 / 0"), "STILL BROKEN"),
        (("    return", "    raise NotImplementedError('no longer')\n    return"), "NotImplementedError: no longer"),
        (
            ("@impl.component\ndef residual", "@impl.component\ndef softmax(x): return x\ndef residual"),
            "no longer offers",
        ),
    ],
)
def test_neither_fixed_nor_broken(
    change: tuple[str, str], said: str, broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash is still broken; what declines, or is gone, is not fixed."""
    target, records = broken
    target.write_text(SIGN.replace(*change))
    code, printed = run(capsys, "replay", records, target)
    assert said in printed
    assert "FIXED" not in printed
    assert code == (1 if "STILL" in said else 2)


def test_only_named_targets_are_asked(broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Records say where a plug-in was; nothing is imported from there."""
    target, records = broken
    target.write_text("raise RuntimeError('imported')")
    code, printed = run(capsys, "replay", records, "numpy")
    assert code == 2
    assert "nothing was judged" in printed and "imported" not in printed


def test_target_that_cannot_be_loaded_is_named(broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Not silently passed over: exit 2 unless something is broken."""
    target, records = broken
    target.write_text(SIGN.replace(" - ", " + "))
    code, printed = run(capsys, "replay", records, target, "nosuch.py")
    assert code == 2
    assert "not replayed: nosuch.py: there is no such file" in printed and "FIXED" in printed


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (SIGN, 1, "agrees_with_the_spec: The output is the formula's"),
        (SIGN.replace(" - ", " + "), 0, "FIXED: residual of mine keeps the law agrees_with_the_spec on this input"),
        ("raise RuntimeError('gone')", 2, "cannot replay: "),
        (SIGN.replace('"mine"', '"another"'), 2, "holds 'another', not 'mine'"),
    ],
)
def test_script_follows_the_code(
    text: str, code: int, said: str, broken: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The same three answers from the script that a report prints."""
    from veriformer.record import read

    target, records = broken
    example = next(r.counterexample for r in read(records) if r.counterexample)
    script = tmp_path / "again.py"
    script.write_text(example["script"])
    target.write_text(text)
    ran = subprocess.run([sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (code, "")
    assert said in ran.stdout
