"""Reports: the worst verdict wins, the headline is true, and what changed stands under one heading."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from tests.reported import judged, sample, shown
from veriformer.record import BUCKETS, Record, Verdict, bucket_of
from veriformer.reports.compare import compare
from veriformer.reports.conventions import arithmetics, conventions
from veriformer.reports.html import html
from veriformer.reports.markdown import markdown
from veriformer.reports.matrix import largest, matrix, reasons
from veriformer.reports.page import headline


def test_the_worst_verdict_wins() -> None:
    found = matrix(sample())
    assert found.implementations == ("lib", "kernel")
    softmax, gelu = found.rows
    assert [cell.verdict for cell in softmax.cells] == [Verdict.HELD, Verdict.BROKEN]
    assert [cell.verdict for cell in gelu.cells] == [None, Verdict.ABSENT]
    assert (softmax.cells[0].worst_ratio, softmax.cells[0].judged, softmax.cells[0].abstained) == (0.5, 150, 3)
    assert [law.name for law in softmax.laws] == ["sums_to_one", "ignores_a_shift"]
    assert [cell.verdict for cell in softmax.laws[1].cells] == [Verdict.HELD, Verdict.CRASHED]
    assert softmax.laws[0].sentence == "The weights sum to 1."


@pytest.mark.parametrize("milder", [verdict for verdict in Verdict if verdict is not Verdict.BROKEN])
def test_broken_wins_over_all(milder: Verdict) -> None:
    rows = [judged("i", "c", "one", milder), judged("i", "c", "two", Verdict.BROKEN), judged("i", "c", "three", milder)]
    assert matrix(rows).rows[0].cells[0].verdict is Verdict.BROKEN


def test_an_error_without_a_size_is_the_largest() -> None:
    assert math.isnan(largest([1.0, math.nan, math.inf, None]) or 0.0)
    assert largest([None]) is None


def test_a_cell_that_held_says_what_was_not_judged() -> None:
    rows = [judged("i", "c", "one", Verdict.HELD, worst_ratio=0.5), judged("i", "c", "two", Verdict.ABSTAINED)]
    assert matrix(rows).rows[0].cells[0].held_of == "1 of 2"
    assert matrix(rows[:1]).rows[0].cells[0].held_of == ""
    absent = judged("i", "c", "three", Verdict.ABSENT)
    assert matrix([*rows, absent]).rows[0].cells[0].held_of == "1 of 2"
    assert matrix([rows[0], absent]).rows[0].cells[0].held_of == ""
    assert "held 50 % 1/2" in shown(rows)


def test_the_headline_is_true() -> None:
    assert headline(sample()) == "1 law broken, 1 crashed"
    assert headline(sample()[:3]) == "Every judged law held"
    assert headline(sample()[5:]) == "Nothing was judged"
    assert headline([]) == "Nothing was judged"


def test_reasons_are_told_once_with_what_they_concern() -> None:
    places = (("a", "law"), ("b", "law"), ("b", "other"), ("b", "third"), ("a", "law"))
    rows = [judged("i", name, law, Verdict.ABSENT, message="no cuda device") for name, law in places]
    told = reasons([*rows, Record("verdict", "broken_file", verdict=Verdict.ABSENT, message="ImportError: x")])
    assert [(row.implementation, row.message, row.concerned) for row in told] == [
        ("i", "no cuda device", ("a: law", "b: law and 2 more")),
        ("broken_file", "ImportError: x", ()),
    ]
    of_many = [judged("i", name, "law", Verdict.ABSENT, message="why") for name in "abcd"]
    assert [row.concerned for row in reasons(of_many)] == [("a", "b", "c", "d")]


def test_conventions_and_arithmetic_stand_by_implementation() -> None:
    rows = [
        judged("a", "c", "law", Verdict.HELD, conventions={"variance": "biased"}, precision={"contract": "eager"}),
        judged("a", "c", "law", Verdict.HELD, dtype="float64", conventions={"variance": "unbiased (undeclared)"}),
        judged("b", "c", "law", Verdict.HELD, precision={"contract": "eager", "also_holds_layer": True}),
    ]
    (variance,) = conventions(rows)
    assert (variance.component, variance.name, variance.values) == (
        "c",
        "variance",
        ("biased or unbiased (undeclared)", ""),
    )
    assert arithmetics(rows)[0].values == ("eager", "eager, also holds layer")


def test_compare_puts_every_change_under_one_heading() -> None:
    old = {
        "a": Verdict.HELD,
        "b": Verdict.BROKEN,
        "c": Verdict.HELD,
        "d": Verdict.HELD,
        "e": Verdict.HELD,
        "f": Verdict.CRASHED,
    }
    new = {
        "a": Verdict.CRASHED,
        "b": Verdict.HELD,
        "c": Verdict.ABSTAINED,
        "d": Verdict.HELD,
        "f": Verdict.BROKEN,
        "g": Verdict.BROKEN,
    }
    found = compare(*([judged("i", "c", law, verdict) for law, verdict in rows.items()] for rows in (old, new)))
    laws = {heading: [change.key[2] for change in changes] for heading, changes in found.headings()}
    assert laws == {
        "Newly broken": ["a"],
        "Newly held": ["b"],
        "Otherwise changed": ["c", "f"],
        "New": ["g"],
        "Gone": ["e"],
    }


def test_compare_tells_dtype_and_device_apart() -> None:
    row = judged("i", "c", "law", Verdict.HELD)
    assert len(compare([row], [dataclasses.replace(row, dtype="float64")]).new) == 1
    assert len(compare([row], [dataclasses.replace(row, device="cuda")]).gone) == 1
    assert compare([row], [row]).headings() == ()
    worse = dataclasses.replace(row, verdict=Verdict.BROKEN)
    assert len(compare([row], [worse, row]).newly_broken) == 1


@pytest.mark.parametrize("render", [html, markdown])
def test_a_report_says_what_changed(render: Any) -> None:
    assert "What changed" not in render(sample())
    fixed = [row for row in sample() if row.verdict is not Verdict.BROKEN]
    assert "Every verdict is the same as before" in render(sample(), sample())
    assert "New: 1" in render(sample(), fixed)


def ratios(*found: float) -> tuple[int, ...]:
    """The counts of these ratios of error to bound."""
    places = [bucket_of(ratio) for ratio in found]
    return tuple(places.count(place) for place in range(BUCKETS))


def test_a_median_is_known_up_to_a_factor_of_two() -> None:
    for ratio in (1e-9, 1e-3, 0.03, 0.5, 0.51, 1.0):
        median = judged("i", "c", "law", Verdict.HELD, ratios=ratios(0.0, ratio, 1.0)).median_ratio
        assert median is not None
        assert max(ratio, 2.0**-24) <= median < 2 * max(ratio, 2.0**-24)
    assert judged("i", "c", "law", Verdict.HELD, ratios=ratios(0.0, 0.0, 2.0)).median_ratio == 0.0
    assert judged("i", "c", "law", Verdict.HELD, ratios=ratios(2.0)).median_ratio == math.inf
    assert judged("i", "c", "law", Verdict.HELD).median_ratio is None


@pytest.mark.parametrize(
    ("before", "after", "listed"), [(0.03, 0.2, True), (0.2, 0.03, True), (0.1, 0.2, False), (0, 0.1, True)]
)
def test_an_error_that_drifts_is_listed_before_it_breaks_a_bound(before: float, after: float, listed: bool) -> None:
    old, new = (judged("i", "c", "law", Verdict.HELD, ratios=ratios(ratio)) for ratio in (before, after))
    found = compare([old], [new])
    assert found.headings() == ()
    assert bool(found.drifts) is listed
    said = "Held, with another typical error"
    assert (said in markdown([new], [old])) is (said in html([new], [old])) is listed


def test_the_distribution_is_read_back_and_nothing_else_is_taken_for_it() -> None:
    row = judged("i", "c", "law", Verdict.HELD, ratios=ratios(0.0, 0.25, 0.3))
    again = Record.from_json(row.to_json())
    assert again.median_ratio == row.median_ratio == 0.25
    for hostile in ('["a"]', "[-1]", "[true]", '{"a":1}', '"many"'):
        with pytest.raises(ValueError, match="ratios"):
            Record.from_json('{"kind":"verdict","ratios":' + hostile + "}")
