"""Reports as a whole: files, Markdown, the terminal, timings."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from tests.reported import example, full, judged, many, older, sample, shown, timed
from veriformer import record
from veriformer.record import Record, Verdict
from veriformer.reports import write
from veriformer.reports.conventions import arithmetics
from veriformer.reports.html import html
from veriformer.reports.markdown import markdown
from veriformer.reports.page import page
from veriformer.reports.terminal import failure, terminal
from veriformer.reports.timings import panels


@pytest.mark.parametrize("render", [html, markdown, shown])
def test_records_from_a_file_give_the_same_report(render: Any, tmp_path: Path) -> None:
    record.write(tmp_path / "records.jsonl", sample())
    assert render(list(record.read(tmp_path / "records.jsonl"))) == render(sample())


def test_load_gives_a_frame(tmp_path: Path) -> None:
    record.write(tmp_path / "records.jsonl", sample())
    frame = record.load(tmp_path / "records.jsonl")
    assert list(frame.columns) == [f.name for f in dataclasses.fields(Record)]
    assert list(frame[frame.verdict == "broken"].kind) == ["verdict", "timing"]


def test_write_makes_the_files_and_the_same_ones_twice(tmp_path: Path) -> None:
    first = write(iter(sample()), tmp_path / "new" / "folder", compare=iter(sample()[:3]))
    assert [path.name for path in first] == ["index.html", "report.md", "records.jsonl"]
    again = write(sample(), tmp_path / "again", compare=sample()[:3])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert [row.to_json() for row in record.read(first[2])] == [row.to_json() for row in sample()]


@pytest.mark.parametrize("render", [html, markdown, shown])
def test_no_records_make_a_report_that_says_so(render: Any) -> None:
    assert "Nothing was judged" in render([])


def test_what_several_runs_have_in_common_is_told_once() -> None:
    versions = {"numpy": "2.4"}
    runs = [
        Record("run", environment={"command": f"veriformer {word}", "commit": "c0ffee", "versions": versions})
        for word in ("check", "bench")
    ]
    first, second = page(runs).runs
    assert first.facts == (("command", "veriformer check"), ("commit", "c0ffee"))
    assert second.facts == (("command", "veriformer bench"),)
    assert first.tables and not second.tables


def test_what_did_not_hold_is_not_ranked() -> None:
    (panel,) = panels(sample())
    assert [(row.label, row.ranked) for row in panel.timings] == [
        ("lib · cpu", True),
        ("kernel · cpu", False),
        ("lib · cuda", False),
    ]
    assert [row.standing for row in panel.timings] == ["fastest on cpu", "not ranked: broken", "absent: no cuda device"]
    assert (panel.timings[0].low, panel.timings[0].high) == (1.5e-3, 3e-3)
    for render in (html, markdown, shown):
        assert "absent: no cuda device" in re.sub(r"\s+", " ", render(sample()))


def test_the_noise_is_told() -> None:
    taken = {"samples": [1.0, 1.0], "median": 1.0, "iqr": 0.0, "ratio": 1.05, "low": 0.98, "high": 1.2}
    rows = [timed("i", 1.0, timing=taken), timed("j", 1.0, timing={**taken, "low": 1.01})]
    assert [row.standing for row in panels(rows)[0].timings] == ["1.05× (within noise)", "1.05×"]
    refused = timed("k", None, Verdict.ABSENT, message="absent: no cuda device")
    unasked = dataclasses.replace(timed("k", 1.0), verdict=None, message="not judged: run veriformer check first")
    assert [panels([row])[0].timings[0].standing for row in (refused, unasked)] == [
        "absent: no cuda device",
        "not ranked: not judged: run veriformer check first",
    ]


def test_a_clock_that_shows_nothing_is_not_drawn() -> None:
    rows = [timed("i", median) for median in (0.0, math.nan, math.inf)]
    assert not any(row.ranked for row in panels(rows)[0].timings)
    assert "<svg" not in html(rows)


def test_a_narrow_terminal_gets_every_implementation() -> None:
    rows = [judged(f"library-{number}", "component", "law", Verdict.HELD) for number in range(9)]
    text = shown(rows, width=60)
    assert all(f"library-{number}" in text for number in range(9))
    lines = [line for line in text.splitlines() if "library" in line or "component " in line]
    assert max(map(len, lines)) <= 60


def test_a_terminal_without_unicode_gets_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    terminal(full("naïve") + sample(), Console(file=out, width=80))
    text = out.buffer.getvalue().decode("ascii")
    assert "x broken" in text
    assert "na\\xefve" in text


def test_markdown_of_a_whole_run_is_short_and_begins_with_what_matters() -> None:
    text = markdown(many())
    assert text.startswith("# 1 law broken\n")
    assert text.index("## Matrix") < text.index("## Broken laws") < text.index("<details>") < text.index("## Laws")
    assert len(text.splitlines()) < 400
    assert "| ✗ broken | a | component_0 | law_0 | twice |" in text
    assert "<details><summary>component_0: 19 of 20 laws held for all</summary>" in text
    assert "| law_0 | ✗ broken · 50 % | ✓ held · 50 % | ✓ held · 50 % |" in text
    assert "Held for all: law_1, law_2, " in text
    page = html(many())
    assert page.count('<div class="one">') == len(many())
    assert page.count("not on this day") == 2


def test_markdown_explains_the_first_failures_and_lists_all() -> None:
    rows = [judged("i", "c", f"law_{n}", Verdict.BROKEN, counterexample=example(9000 * "x")) for n in range(50)]
    text = markdown(rows)
    assert text.count("| ✗ broken | i | c | law_") == 50
    assert text.count("<details><summary>✗ broken: i · c · law_") == 20
    assert "The first 20 are explained here, all of them in the page beside this file." in text
    assert "The script that shows it again is 9 kB long: the page beside this file holds it." in text
    assert html(rows).count('<article class="card broken"') == 50


def test_every_table_of_markdown_is_one() -> None:
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(markdown(full("fine"), older("fine")))
    left = [child.content for token in tokens for child in token.children or () if "|" in child.content]
    assert left == []
    rules = re.findall(r"^\|(?:-+:?\|)+$", markdown(full("fine"), older("fine")), flags=re.MULTILINE)
    assert len(rules) == sum(token.type == "table_open" for token in tokens)


def test_what_goes_without_saying_is_not_said() -> None:
    rows = [
        judged("i", "c", "law", Verdict.HELD, dtype=dtype, precision={"contract": "eager", "computes_in": computes_in})
        for dtype, computes_in in (("float32", "float32"), ("float64", "float64"), ("float64", "float32"))
    ]
    assert arithmetics(rows[:2])[0].values == ("eager",)
    assert arithmetics(rows[2:])[0].values == ("eager, computes in float32",)
    wanted = {"got": np.ones(1), "allowed": np.zeros(1), "index": [0], "ulps": 2e44, "ratio": math.inf}
    zero, one = ({**wanted, "wanted": value} for value in (np.zeros(1), np.full(1, 0.5)))
    texts = [failure(judged("i", "c", "law", Verdict.BROKEN, counterexample=case)).plain for case in (zero, one)]
    assert ["in ulps" in text for text in texts] == [False, True]


def test_the_matrix_of_a_narrow_terminal_has_no_empty_rows() -> None:
    rows = [judged(f"library-{number}", f"component-{number}", "law", Verdict.HELD) for number in range(4)]
    text = shown(rows, width=60)
    assert all(text.count(f"component-{number}") == 1 for number in range(4))
