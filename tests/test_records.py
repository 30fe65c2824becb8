"""Records are data: reading one executes and imports nothing, and what is no record is refused with its line."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from veriformer.cli import main
from veriformer.record import HOLDS, Record, Verdict, read, write

GOOD = json.loads(Record("verdict", "lib", "softmax", "is_even", "float32", "cpu", verdict=Verdict.HELD).to_json())

READ = """
import builtins, pickle, sys
from veriformer.record import read
import ml_dtypes
def refuse(*given, **named):
    raise SystemExit(f"called with {given}")
for name in ("eval", "exec", "compile"):
    setattr(builtins, name, refuse)
pickle.loads = pickle.load = refuse
before = set(sys.modules)
rows = list(read(sys.argv[1]))
print(len(rows), sorted(set(sys.modules) - before))
"""


def test_reading_executes_and_imports_nothing(tmp_path: Path) -> None:
    """Not what a row names, nor what its arrays say they are; the same through every command that reads."""
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    words = (
        "__import__('trap')",
        "trap",
        "trap:impl",
        str(tmp_path / "trap.py"),
        "{{ trap }}",
        "cos\nsystem\n(S'true'\ntR.",
    )
    rows = [
        Record(
            "verdict", word, word, word, word, word, verdict=Verdict.BROKEN, counterexample={"script": word, word: word}
        )
        for word in words
    ]
    path = tmp_path / "records.jsonl"
    write(path, rows)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1) == [str(len(words)), "[]\n"]
    commands = (
        (("report", str(path), "-o", str(tmp_path / "out")), 0),
        (("replay", str(path), "numpy"), 2),
        (("check", "numpy", "--only-broken", str(path)), 2),
    )
    for command, code in commands:
        ran = subprocess.run(
            [sys.executable, "-m", "veriformer.cli", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, "imported" in ran.stdout + ran.stderr) == (code, False), ran.stderr


def array(dtype: str, data: str = "AAAAAAAAAAAAAAAA", shape: Any = (1,)) -> dict[str, Any]:
    """A counterexample with an array that may be none."""
    return {"counterexample": {"arguments": {"x": {"array": data, "dtype": dtype, "shape": shape}}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"law": 5}, "law is '5', which is no str"),
        ({"ratios": "12"}, "ratios is '12', which is no Sequence[int]"),
        ({"ratios": [1, "2"]}, "ratios is \"[1, '2']\", which is no Sequence[int]"),
        ({"seconds": "long"}, "seconds is 'long', which is no float"),
        ({"conventions": ["zero"]}, "conventions is "),
        ({"verdict": "fine"}, "'fine' is not a valid Verdict"),
        ({"kind": None}, "kind is 'None', which is no str"),
        (array("object"), "cannot create an OBJECT array from memory buffer"),
        (array("os.system"), "data type 'os.system' not understood"),
        (array("float64", "not base64!"), "line 2"),
        (array("float32", shape=[7]), "cannot reshape array"),
        (array("float32", shape=["a"]), "line 2"),
        ({"environment": {"deep": "["}}, "line 2"),
    ],
)
def test_what_is_no_record_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Misuse, with file, line and reason; never a traceback of ours."""
    path = tmp_path / "records.jsonl"
    odd = json.dumps({**GOOD, **change}).replace('"["', "[" * 100_000 + "]" * 100_000)
    path.write_text(json.dumps(GOOD) + "\n" + odd + "\n")
    with pytest.raises(ValueError, match="line 2, is not a record of veriformer: "):
        list(read(path))
    with pytest.raises(SystemExit) as exited:
        main(["report", str(path), "-o", str(tmp_path / "out")])
    assert exited.value.code == 2
    assert said in capsys.readouterr().err


def test_what_every_field_may_hold_is_known() -> None:
    """A field of another annotation needs a line in HOLDS."""
    assert {str(f.type) for f in dataclasses.fields(Record)} == set(HOLDS)


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """What this version does not know is no reason to refuse what it does."""
    assert Record.from_json(json.dumps({**GOOD, "mood": "fine"})).law == "is_even"
