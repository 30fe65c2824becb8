"""Reports: a failure says what came, what should have come, and how it was called."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests.reported import judged, shown
from veriformer.record import Verdict
from veriformer.reports.failures import explain, failures
from veriformer.reports.html import html
from veriformer.reports.terminal import failure


def test_a_failure_says_what_came_and_what_should_have_come() -> None:
    row = judged("kernel", "softmax", "sums_to_one", Verdict.BROKEN, sentence="The weights sum to 1.", worst_ratio=9.0)
    found = np.array([[0.5, 0.75]], "float32")
    wanted = {"got": found, "wanted": np.array([[0.5, 0.25]]), "allowed": np.array([[0.1, 0.0625]]), "index": [0, 1]}
    arguments = {"x": np.array([[0.0, 1.0]], "float32"), "params": {"w": np.eye(3)}}
    more = {
        "comparison": "gradient of x",
        "examples": 4,
        "script": "import numpy\n",
        "options": {"causal": True},
        "ratio": 8.0,
    }
    row = dataclasses.replace(
        row, diagnosis="equals twice the formula", counterexample={**wanted, "arguments": arguments, **more}
    )
    text = failure(row).plain
    for line in (
        "✗ broken  kernel · softmax · float32 · cpu",
        "sums_to_one: The weights sum to 1.",
        "diagnosis: equals twice the formula",
        "gradient of x[0, 1]",
        "got            0.75",
        "wanted         0.25",
        "allowed        ± 0.0625",
        "error          0.5",
        "error / bound  8",
        "params.w  float64 (3, 3)  eye(3)",
        "causal                    True",
        "found  at case 4, seed 0",
        "\nimport numpy",
    ):
        assert line in text
    assert text in shown([row])


def test_a_shape_is_shown_whole() -> None:
    wrong = {"comparison": "shape of the output", "got": [2, 3], "wanted": [3], "allowed": np.zeros(1), "index": [0]}
    text = failure(judged("i", "c", "law", Verdict.BROKEN, counterexample=wrong, worst_ratio=math.inf)).plain
    assert "shape of the output\n  got            [2, 3]\n  wanted         [3]\n  error / bound  inf" in text


def test_a_failure_says_how_it_was_called() -> None:
    called = {
        "arguments": {"x": np.ones(2), "p": {"w": np.ones(2)}},
        "extra": {"shift": 3.0},
        "traceback": "Traceback: E",
    }
    called |= {"layouts": [[[1, "w"], "strided"]], "aliases": [[0, 1]]}
    text = failure(judged("i", "c", "law", Verdict.CRASHED, counterexample=called, message="E")).plain
    for part in ("p.w strided", "x and p", "shift", "message\nTraceback: E"):
        assert part in text


def test_the_script_is_never_broken_by_the_width_of_the_terminal() -> None:
    script = "x = [" + ", ".join(map(str, range(100))) + "]\nprint(x)"
    row = judged("i", "c", "law", Verdict.BROKEN, counterexample={"script": script})
    assert "\n" + script + "\n" in shown([row], width=40)


def test_one_fault_is_told_once() -> None:
    row = judged("i", "c", "law", Verdict.BROKEN)
    crash = judged("i", "c", "crash", Verdict.CRASHED, message="ValueError: no")
    rows = [
        crash,
        row,
        dataclasses.replace(row, dtype="float64", worst_ratio=3.0),
        dataclasses.replace(crash, law="other"),
    ]
    broken, crashed = failures([*rows, dataclasses.replace(row, implementation="j")])[::2]
    assert (broken.first.record, [other.record.dtype for other in broken.others]) == (row, ["float64"])
    assert (crashed.first.record, [other.record.law for other in crashed.others]) == (crash, ["other"])
    assert "broken also: float64  cpu  3×" in shown(rows)
    assert "crashed also: other  float32  cpu" in shown(rows)
    page = html(rows)
    assert page.count('href="#failure-1"') == page.count('href="#failure-2"') == 2


def test_a_widened_answer_has_its_own_digits() -> None:
    answer = {"got": np.array([0.1, 0.2], "float32").astype(float), "wanted": np.array([0.1, 0.2]), "index": [0]}
    text = failure(judged("i", "c", "law", Verdict.BROKEN, counterexample=answer)).plain
    assert "got     0.1\n" in text
    assert "got     float32 (2,)  [0.1, 0.2]" in text
    bound = {"got": np.array([1 / 3]), "wanted": np.array([0.1]), "index": [0]}
    assert (
        "got     0.3333333333333333\n" in failure(judged("i", "c", "law", Verdict.BROKEN, counterexample=bound)).plain
    )


@pytest.mark.parametrize(
    "odd", [{}, {"arguments": 3, "index": ["w", 9], "got": {"w": np.ones(2)}, "wanted": "a word", "allowed": None}]
)
def test_an_odd_counterexample_still_prints(odd: dict[str, Any]) -> None:
    row = judged("i", "c", "law", Verdict.BROKEN, counterexample=odd, worst_ratio=math.nan)
    assert explain(row).record is row
    assert "law" in failure(row).plain
    assert "law" in html([row])
