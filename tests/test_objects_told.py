"""Objects as they are told: a counterexample of a class is a line a step, its slip is named, and a record of it is replayed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run
from veriformer.record import read

OFF_BY_ONE = """
import numpy as np
from veriformer import Implementation

impl = Implementation("off-by-one")

@impl.component("cached_attention", form="object")
class Cache:
    def __init__(self, params, *, n_heads):
        self.params, self.n_heads, self.position = params, n_heads, 0
        self.k = self.v = None

    def step(self, x):
        q, k, v = (self.heads(self.project(x, name)) for name in "qkv")
        if self.k is None:
            self.k, self.v = (np.zeros((*y.shape[:-2], 64, y.shape[-1]), y.dtype) for y in (k, v))
        start = self.position
        end = start + x.shape[-2]
        self.k[..., start:end, :], self.v[..., start:end, :] = k, v
        self.position = end - 1
        scores = q @ self.k[..., :end, :].swapaxes(-1, -2) / np.sqrt(x.dtype.type(q.shape[-1]))
        scores = np.where(np.tri(x.shape[-2], end, start, dtype=bool), scores, -np.inf)
        e = np.exp(scores - scores.max(-1, keepdims=True))
        out = e / e.sum(-1, keepdims=True) @ self.v[..., :end, :]
        return self.project(out.swapaxes(-2, -3).reshape(x.shape[:-1] + (-1,)), "o")

    def project(self, x, name):
        y = x @ self.params["w_" + name]
        return y + self.params["b_" + name] if "b_" + name in self.params else y

    def heads(self, x):
        return x.reshape(*x.shape[:-1], self.n_heads, -1).swapaxes(-2, -3)
"""
"""After each step the position is one too small: the next key and value overwrite the last."""


@pytest.fixture
def off_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path, str]:
    """The plug-in whose position is off by one, the records of its check, and what that printed."""
    target, records = tmp_path / "off_by_one.py", tmp_path / "records.jsonl"
    target.write_text(OFF_BY_ONE)
    options = ("--law", "agrees_with_the_spec", "--examples", 0, "--dtype", "float32", "--json", records)
    code, printed = run(capsys, "check", target, *options)
    assert code == 1, printed
    return target, records, printed


def test_a_position_off_by_one_is_diagnosed_and_told_a_line_a_step(off_by_one: tuple[Path, Path, str]) -> None:
    """The sentence, the two steps that show it, and which answer is wrong."""
    printed = off_by_one[2]
    for words in (
        "✗ broken  off-by-one · cached_attention · float32 · cpu",
        "diagnosis: not the formula; on these inputs it equals the formula with a cache position off by one: "
        "what is new is written over the position before it (written_over_the_last)",
        "  script[0]   float32 (1, 2)  object 0: step([[0., 1.]])\n",
        "  script[1]   float32 (1, 2)  object 0: step(zeros((1, 2)))\n",
        "\noutput[1][0, 1]\n",
        "    arguments=({'w_q': np.zeros((2, 2), dtype='float32'), ",
        ", [\n        ('step', 0, np.array([[0.0, 1.0]], dtype='float32'), ),\n",
    ):
        assert words in printed, printed


def test_a_recorded_script_is_put_again(off_by_one: tuple[Path, Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    """By replay and by its own lines of Python: broken as long as it is, fixed when it is."""
    target, records, _ = off_by_one
    (record,) = (record for record in read(records) if record.kind == "verdict")
    assert record.counterexample is not None
    again = target.with_name("again.py")
    again.write_text(record.counterexample["script"])

    def by_script() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-W", "error", str(again)], capture_output=True, text=True, check=False)

    broken = by_script()
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "object 0: step([[0., 1.]])" in broken.stdout
    where = "cached_attention of off-by-one, agrees_with_the_spec, float32 on cpu\n"
    assert run(capsys, "replay", records, target) == (1, f"STILL BROKEN  {where}")
    target.write_text(OFF_BY_ONE.replace("self.position = end - 1", "self.position = end"))
    assert run(capsys, "replay", records, target) == (0, f"FIXED         {where}")
    fixed = by_script()
    assert (fixed.returncode, fixed.stderr) == (0, "")
