"""Replay of every kind of counterexample: objects, half types, crashes, gradients; FIXED once mended, never dropped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.record import Record, Verdict, read, write

CACHE = (Path(__file__).parents[1] / "examples" / "cache_object.py").read_text(encoding="utf-8")
HEAD = """
from veriformer import Implementation
import numpy as np
impl = Implementation("mine"{dtypes})
"""
RESIDUAL = HEAD.format(dtypes=', dtypes=("bfloat16", "float16")') + (
    "@impl.component\ndef residual(x, sublayer_output):\n    return x - sublayer_output\n"
)
CRASH = HEAD.format(dtypes="") + "@impl.component\ndef relu(x):\n    return np.maximum(x, 0) if x.ndim < 2 else 1 / 0\n"
GRADIENT = HEAD.format(dtypes="") + (
    "@impl.component\ndef relu(x):\n    return np.maximum(x, 0)\n"
    "@impl.vjp('relu')\ndef vjp(cotangent, x):\n    return (cotangent * -1.0 * (x > 0),)\n"
)
KINDS = {
    "object": (CACHE, ".tril(length - n)", ".tril()", "cached_attention"),
    "half": (RESIDUAL.replace(" - sub", " + sub"), " + sub", " - sub", "residual"),
    "crash": (CRASH.replace("1 / 0", "np.maximum(x, 0)"), "else np.maximum(x, 0)", "else 1 / 0", "relu"),
    "gradient": (GRADIENT.replace("-1.0", "1.0"), "* 1.0", "* -1.0", "relu"),
}
"""Kind -> honest text, what is replaced, by what, and the component."""


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that it printed."""
    with pytest.raises(SystemExit) as exited:
        main([str(argument) for argument in arguments])
    return int(exited.value.code or 0), capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("kind", KINDS)
def test_still_broken_then_fixed(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each stored counterexample, both times."""
    if kind == "object":
        pytest.importorskip("torch")
    honest, right, wrong, component = KINDS[kind]
    target, records = tmp_path / "mine.py", tmp_path / "records.jsonl"
    assert honest.count(right) == 1
    target.write_text(honest.replace(right, wrong))
    assert run(capsys, "check", target, "--quick", "--examples", 0, "-c", component, "--json", records)[0] == 1
    stored = [record for record in read(records) if record.bad]
    assert stored and all(record.counterexample for record in stored)
    code, lines = run(capsys, "replay", records, target)
    assert (code, len(lines)) == (1, len(stored))
    assert all(line.startswith("STILL BROKEN  ") for line in lines), lines
    target.write_text(honest)
    code, lines = run(capsys, "replay", records, target)
    assert (code, len(lines)) == (0, len(stored))
    assert all(line.startswith("FIXED  ") for line in lines), lines


STORED = {
    "arguments": {"x": [1.0], "sublayer_output": [1.0]},
    "options": {},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"law": "no_such_law"}, "this version of veriformer has no law 'no_such_law' of 'residual'"),
        ({"component": "nothing"}, "this version of veriformer has no law 'agrees_with_the_spec' of 'nothing'"),
        ({"counterexample": None}, "no counterexample was stored"),
        ({"counterexample": {"options": {}}}, "the counterexample cannot be put again: KeyError: 'arguments'"),
        (
            {"counterexample": {"arguments": [], "options": {}}},
            "the counterexample cannot be put again: ValueError: 0 arguments are stored",
        ),
        ({"device": "tpu"}, "tpu is not offered"),
        ({"dtype": "float8"}, "float8 is not offered"),
    ],
)
def test_what_cannot_be_put_again_is_told(
    change: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not judged, with the reason; neither fixed nor broken, and never left out."""
    record = Record(
        "verdict", "numpy", "residual", "agrees_with_the_spec", "float32", "cpu", verdict=Verdict.BROKEN,
        counterexample=STORED,
    )  # fmt: skip
    write(tmp_path / "records.jsonl", [dataclasses.replace(record, **change)])  # type: ignore[arg-type]
    code, lines = run(capsys, "replay", tmp_path / "records.jsonl", "numpy")
    assert code == 2
    assert lines[0].startswith("NOT JUDGED  ") and said in lines[0]
