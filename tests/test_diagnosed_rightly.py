"""A diagnosis is of the question that was refuted, and of another formula, not of a wider bound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS, SUBJECTS
from veriformer.properties.diagnose import Other, is_another
from veriformer.properties.experiment import Experiment, promised
from veriformer.properties.judge import apart, fits, judge
from veriformer.properties.law import Case
from veriformer.properties.menu import Budget
from veriformer.properties.probes import Draw
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS, SLIPS

ERF = np.vectorize(math.erf)


def verdict(impl: Implementation, component: str) -> Record:
    """What is said of its answers, quickly."""
    door = open_door(impl, "float32", "cpu")
    law = next(one for one in LAWS[component] if one.name == "agrees_with_the_spec")
    return judge(law, door, Budget(0, quick=True), settled=settle(door, component, INQUIRIES, fits))


def test_what_holds_without_a_keyword_explains_nothing_with_it() -> None:
    """The tanh form has a wrong constant, the erf form is right. With erf in place of tanh the formula for approximate='tanh'
    is that of the default, which the code meets when it is not asked for tanh: that is no explanation."""
    impl = Implementation("a wrong digit")

    @impl.component
    def gelu(x: np.ndarray, *, approximate: str = "none") -> np.ndarray:
        wide = x.astype(np.float64)
        tanh = np.tanh(np.sqrt(2 / np.pi) * (wide + 0.0447 * wide**3))
        inner = tanh if approximate == "tanh" else ERF(wide / np.sqrt(2))
        return np.asarray(wide * (1 + inner) / 2).astype(x.dtype)

    record = verdict(impl, "gelu")
    assert record.verdict is Verdict.BROKEN
    assert record.diagnosis == ""


def of_attention() -> tuple[Case, Experiment]:
    """A case without dropout, and an experiment on it."""
    impl = Implementation("any")
    impl.component("attention")(lambda q, k, v: v)
    door = open_door(impl, "float32", "cpu")
    subject = SUBJECTS["attention"]
    row = next(r for r in subject.rows if len(r.get("batch", ())) > 1)
    case = subject.draw(Draw(row, "normal", 1, "float32", subject.top("float32")))
    settled: dict[str, Any] = {"fully_masked": "zero"}
    return case.but(options={}), Experiment(
        door, COMPONENTS["attention"], settled, promised(door, "attention"), Truths()
    )


@pytest.mark.parametrize(
    ("name", "differs"),
    [("one_dropout_for_all_heads", False), ("dropped_before_softmax", False), ("no_scale", True)],
)
def test_a_slip_that_answers_the_same_explains_nothing(name: str, differs: bool) -> None:
    case, experiment = of_attention()
    slip = next(one for one in SLIPS if one.name == name)
    assert is_another(Other(slip=slip), case, experiment, apart) is differs
