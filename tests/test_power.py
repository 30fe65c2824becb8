"""The figures of `nox -s power`, in their quick form: the same laws and kinds, fewer seeds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.bugs.bug import ABSENT, Bug
from tests.power import __main__ as power
from tests.power import known
from tests.power.honest import FAMILIES, WANTED_VARIANTS, controls, row
from tests.power.known import covering, deviations
from tests.power.planted import real
from tests.power.policies import ASSERT_CLOSE, POLICIES, apart
from tests.power.table import cell, percent, table
from veriformer.record import Record, Verdict


@pytest.mark.parametrize("name", power.FIGURES)
def test_the_figure_holds_in_its_quick_form(name: str) -> None:
    figure = power.figure(name)
    rows = figure.measure(True)
    assert rows
    assert list(figure.failures(rows, True)) == []
    assert figure.drawn(rows).count("|") > 10


def test_time_that_is_counted_twice_is_told() -> None:
    parts = [{"figure": "drawing inputs", "share": 0.7}, {"figure": "everything else", "share": -0.1}]
    assert list(power.figure("speed").failures(parts, True)) == ["everything else: -10 % of the time"]


def test_a_slower_machine_may_judge_so_much_slower_and_a_faster_one_need_not_judge_faster() -> None:
    speed = power.figure("speed")
    assert speed.worth(speed.YARDSTICK) == speed.worth(speed.YARDSTICK / 2) == 1
    assert speed.worth(2 * speed.YARDSTICK) == 2
    slow = [{"figure": "sweep", "at_the_yardstick": 800.0, "wanted": speed.WANTED["sweep"]}]
    (said,) = speed.failures(slow, False)
    assert said == "sweep: 800 judged examples in a second where the yardstick is 8 microseconds, wanted 1000"
    assert list(speed.failures([{**slow[0], "at_the_yardstick": 1001.0}], False)) == []


def test_there_are_enough_honest_variants_and_each_says_who_computes_so() -> None:
    every = [one for family in FAMILIES for one in controls(family)]
    assert len({(one.component, one.how) for one in every}) >= WANTED_VARIANTS
    assert all(one.source for one in every)
    names = Counter(one.implementation.name for one in every)
    assert [name for name, count in names.items() if count > 1] == []


def test_an_accusation_is_a_failure_unless_it_is_known() -> None:
    control = controls("softmax")[0]
    name = control.implementation.name
    accusing = Record(
        "verdict", name, "softmax", "sums_to_one", "float32", "cpu", verdict=Verdict.BROKEN, worst_ratio=2.0
    )
    figure = power.figure("honest")
    told = list(figure.failures([row(control, "float32", [accusing], 0.0)], True))
    assert any("is accused" in said for said in told)
    assert any("of the bound" in said for said in told)


def test_a_defect_must_be_found_where_it_can_occur() -> None:
    figure, there = power.figure("defects"), {"found": True, "needs": "", "listed": True, "said": "broken"}
    gone = {"number": 7, "how": "gelu", "dtype": "float32", **there, "found": False}
    assert any("not found" in said for said in figure.failures([gone], False))
    assert list(figure.failures([{**gone, "needs": "AVX512"}], False)) == []
    assert figure.verdict({**gone, "needs": "AVX512"}) == "does not occur without AVX512"


def test_a_deviation_that_does_not_occur_is_told_but_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> bool:
        return any("component gelu" in said for said in known.stale([]))

    for there, stale in (("AVX2", False), ("AVX512", True)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda there=there: there)
        assert told() is stale


def test_known_deviations_say_why_and_where_it_can_be_seen() -> None:
    for one in deviations():
        assert one.reason and one.evidence and one.library and one.versions
        assert "*" not in (one.implementation, one.component)


def test_a_known_deviation_covers_nothing_else() -> None:
    name = "attention: jax.nn.dot_product_attention, jit"
    law = "agrees_with_the_spec"
    assert covering(Record("verdict", name, "attention", law, "float64", "cpu"))
    assert covering(Record("verdict", name, "attention", law, "float32", "cpu")) is None
    assert covering(Record("verdict", "attention: jax, jit", "attention", law, "float64", "cpu")) is None


def test_each_policy_accuses_what_is_wrong_and_leaves_alone_what_is_exact() -> None:
    import numpy as np

    wanted = np.array([1.0, np.inf, np.nan, 0.0])
    plain = wanted + np.array([1e-7, 0.0, 0.0, 1e-9])
    for name, policy in POLICIES.items():
        assert not policy(wanted.copy(), wanted, plain, "float32"), name
        assert policy(wanted + 0.1, wanted, plain, "float32"), name
        assert policy(np.full(4, np.nan), wanted, plain, "float32"), name
    assert apart(np.array([np.nan]), np.array([0.0])) == np.inf
    assert set(ASSERT_CLOSE) == {"float64", "float32", "bfloat16", "float16"}


def test_a_bug_is_judged_with_what_found_it_and_what_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    figure = power.figure("bugs")
    unshifted, honest = (Bug(name, "softmax", "", "exp overflows") for name in ("SM02", "SM07"))
    unshifted.in_numpy(dtypes=("float32",))(lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True))
    honest.in_numpy(dtypes=("float32",))(lambda x: np.exp(x - x.max(-1, keepdims=True)) / 1.0)
    missing = figure.judge_bug(Bug("SM09", "softmax", "", "no such thing", ABSENT, "softmax(x, tree)"), True)
    monkeypatch.setattr(figure, "real", lambda: [unshifted])
    (row,) = figure.judge_bugs([0], True)
    assert row["found"] and row["law"] == "agrees_with_the_spec"
    assert row["examples"] >= 1 and row["numbers"] >= 1
    assert not figure.seen_on_randn(unshifted)
    assert figure.seen_on_randn(honest)
    rows = [{"component": "softmax", "class": "value-range", "on_randn": False, **one} for one in (row, missing)]
    assert list(figure.failures(rows, False)) == []
    assert "2 bugs, 2 of them re-created; found: 1 (50 % of all)" in figure.drawn(rows)
    assert list(figure.failures([{**rows[0], "found": False}], False)) == ["SM02 (softmax) is not found"]


def test_real_bugs_are_among_the_eighty() -> None:
    listed = json.loads((Path(__file__).parent / "bugs" / "ids.json").read_text(encoding="utf-8"))
    assert len({one["id"] for one in listed}) == len(listed) == 80
    made: list[Bug] = real()
    assert {bug.id for bug in made} <= {one["id"] for one in listed}
    threads = {one["id"]: one["url"] for one in listed}
    assert [bug.id for bug in made if bug.url != threads[bug.id]] == []


def test_the_session_writes_its_tables_and_fails_when_a_figure_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing:
        TITLE = "A figure"

        def measure(self, quick: bool) -> list[dict[str, Any]]:
            return [{"number": 1, "quick": quick}]

        def failures(self, rows: list[dict[str, Any]], quick: bool) -> list[str]:
            return ["it does not hold"]

        def drawn(self, rows: list[dict[str, Any]]) -> str:
            return table(("number",), [(one["number"],) for one in rows])

    monkeypatch.setattr(power, "figure", lambda name: Failing())
    assert power.main(["speed", "--quick", "-o", str(tmp_path)]) == 1
    assert "FAILED: it does not hold" in capsys.readouterr().out
    assert power.LEFT_OUT in (tmp_path / "power.md").read_text(encoding="utf-8")
    told = json.loads((tmp_path / "power.json").read_text(encoding="utf-8"))
    assert told["figures"][0]["failures"] == ["it does not hold"]
    assert {"machine", "versions", "quick"} <= told.keys()


def test_a_cell_cannot_end_its_row() -> None:
    assert cell("a|b\nc") == r"a\|b c"
    assert cell(0.123456) == "0.123"
    assert cell(12345) == "12,345"
    assert percent(1, 8) == "12.5 %"
    assert percent(0, 0) == "-"
