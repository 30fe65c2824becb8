"""The alarm for probes: where honest code may overflow in too many cases, the suite says that it is at fault itself."""

from __future__ import annotations

import numpy as np
import pytest

from veriformer.impls import discover
from veriformer.properties import LAWS, conformance
from veriformer.properties.conformance import ENOUGH, Selection, Suite, exit_code
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import SUITE_FAILED
from veriformer.properties.probes import Draw
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict

AGREES = next(law for law in LAWS["residual"] if law.name == "agrees_with_the_spec")


def too_large(recipe: Draw) -> Case:
    """Two numbers of which the sum leaves the range."""
    top = np.full((2, 2), np.finfo("float32").max, "float32")
    return Case((top, top))


def judged(monkeypatch: pytest.MonkeyPatch, law: Law) -> tuple[list[Record], int]:
    """The records of our own residual under one law alone, and how the command would end."""
    monkeypatch.setattr(conformance, "laws_of", lambda _: (law,))
    suite = Suite(discover.find("numpy"), Selection(("residual",), dtypes=("float32",)), Budget(examples=5))
    records = list(suite.records())
    return records, exit_code(records, suite.found, suite.truths)


def test_probes_that_overflow_are_the_fault_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    records, code = judged(monkeypatch, Law(**{**vars(AGREES), "draw": too_large}))
    assert [(r.law, r.verdict) for r in records] == [
        ("agrees_with_the_spec", Verdict.ABSTAINED),
        ("is_drawn_within_range", Verdict.ABSTAINED),
    ]
    drawn = records[0].abstained
    assert records[1].message == (
        f"{SUITE_FAILED}: honest code may overflow in {drawn} of {drawn} cases drawn in float32"
    )
    assert code == 3
    (said,) = conformance.faults_of_the_suite(records, Truths())
    assert said == f"honest code may overflow in {drawn} of {drawn} cases drawn in float32"


def test_probes_that_stay_in_range_raise_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    records, code = judged(monkeypatch, AGREES)
    assert [(r.law, r.verdict) for r in records] == [("agrees_with_the_spec", Verdict.HELD)]
    assert code == 0


@pytest.mark.parametrize(
    ("overflowing", "drawn", "alarmed"),
    [
        (11, ENOUGH, False),
        (12, ENOUGH, True),
        (11, 2, False),
        (27, 487, False),
        (100, 2000, False),
        (130, 2000, True),
    ],
)
def test_more_than_one_of_twenty_is_too_many(overflowing: int, drawn: int, alarmed: bool) -> None:
    (found,) = discover.find("numpy")
    suite, door = Suite([found]), found.open("float32", "cpu")
    suite.overflowing[id(door)] += np.array([overflowing, drawn])
    assert bool(list(suite.too_wild(door, "residual"))) is alarmed
    assert not list(suite.too_wild(door, "encoder")), "a bound that says nothing is a matter of depth, in a stack"
