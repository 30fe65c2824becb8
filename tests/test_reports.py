"""Reports: the worst verdict wins, and nothing that a plug-in says acts on the reader's screen."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ml_dtypes
import numpy as np
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from veriformer import record
from veriformer.record import BUCKETS, Record, Verdict, bucket_of
from veriformer.reports import escape, values, write
from veriformer.reports.compare import compare
from veriformer.reports.conventions import arithmetics, conventions
from veriformer.reports.failures import explain, failures
from veriformer.reports.html import html
from veriformer.reports.markdown import markdown
from veriformer.reports.matrix import largest, matrix, reasons
from veriformer.reports.page import headline
from veriformer.reports.terminal import failure, say, terminal, what_changed
from veriformer.reports.timings import panels

EVIL = (
    "\"'`` ```| **b** _i_ [x](http://e.vil) ![i](y) <script>alert(1)</script> <img src=//e.vil> &lt; $x$ ~~s~~ "
    "{{ 7*7 }} [bold red]rich[/] [link=http://e.vil]l[/link] :smile: \\[x] www.e.vil\n"
    "# heading\n\n| a |\n---\r\n```\n\t\x1b[31mred\x1b[0m\x1b]8;;http://e.vil\x07link\x00\x9b31m\u202eback\u2028line\ud800"
)
"""Everything that a name, message or traceback may hold; every text field of `hostile` is this."""


def judged(implementation: str, component: str, law: str, verdict: Verdict, **more: Any) -> Record:
    """A verdict row."""
    return Record(
        "verdict", implementation, component, law, **{"dtype": "float32", "device": "cpu", "verdict": verdict, **more}
    )


def timed(implementation: str, median: float | None, verdict: Verdict = Verdict.HELD, **more: Any) -> Record:
    """A timing row."""
    timing = None
    if median is not None:
        timing = {"samples": [0.9 * median, median, 1.1 * median], "median": median, "iqr": 0.1 * median, "ratio": None}
    workload = {"component": "softmax", "dtype": "float32", "device": "cpu", "workload": "softmax, long"}
    return Record("timing", implementation, **{**workload, "verdict": verdict, "timing": timing, **more})


def example(text: str) -> dict[str, Any]:
    """A counterexample with the given text wherever text may be."""
    return {
        "arguments": {"x": np.array([[0, 1e-45, 3]], "float32"), "nest": {text: [np.zeros((3, 4)), {"deep": text}]}},
        "options": {"option": text},
        "got": np.array([[0.5, np.nan, 1]], "float32"),
        "wanted": np.array([[0.5, 0.25, 1]]),
        "allowed": np.full((1, 3), 1e-7),
        "index": [0, 1],
        "comparison": text,
        "examples": 7,
        "script": text,
    }


def every_field(text: str, kind: str = "verdict", verdict: Verdict = Verdict.BROKEN) -> Record:
    """A row whose every text field is the given text."""
    named: dict[str, Any] = {f.name: text for f in dataclasses.fields(Record) if f.type == "str" and f.name != "kind"}
    return Record(
        kind,
        **named,
        precision={"contract": text, text: text},
        conventions={text: text},
        verdict=verdict,
        worst_ratio=math.inf,
        counterexample=example(text),
        timing={"samples": [1e-3, 2e-3], "median": 1e-3, "iqr": 1e-4, "ratio": 1.0} if kind == "timing" else None,
        environment={"machine": text, text: text, "versions": {text: text}, "options": {"targets": [text]}}
        if kind == "run"
        else None,
    )


def full(text: str) -> list[Record]:
    """Records that fill every part of a report with the given text."""
    broken = dataclasses.replace(every_field(text), known="")
    return [
        every_field(text, "run"),
        broken,
        dataclasses.replace(broken, dtype="float64"),
        dataclasses.replace(broken, verdict=Verdict.CRASHED, law="crashes " + text),
        dataclasses.replace(broken, verdict=Verdict.ABSENT, law="absent " + text),
        dataclasses.replace(every_field(text), law="known " + text),
        every_field(text, "known"),
        every_field(text, "timing", Verdict.HELD),
        dataclasses.replace(every_field(text, "timing", Verdict.ABSENT), timing=None, implementation="a " + text),
    ]


def older(text: str) -> list[Record]:
    """Records of a run before `full`: one law held, another convention was followed, more than a dozen laws are gone."""
    held = dataclasses.replace(every_field(text, verdict=Verdict.HELD), conventions={text: "another"})
    known = dataclasses.replace(held, law="known " + text)
    return [held, known, *(dataclasses.replace(held, law=f"{number} {text}") for number in range(13))]


def shown(records: list[Record], **settings: Any) -> str:
    """What a terminal would receive."""
    out = io.StringIO()
    terminal(records, Console(file=out, **{"width": 100, **settings}))
    return out.getvalue()


class Tags(HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        self.found.append((tag, tuple(name for name, _ in attrs)))


def outside_pictures(page: str) -> str:
    """The page without its pictures, whose element count depends on the length of labels."""
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_a_hostile_record_adds_no_element_to_the_page() -> None:
    hostile, harmless = (html(full(text), older(text)) for text in (EVIL, "a" * len(EVIL)))
    assert Tags(outside_pictures(hostile)).found == Tags(outside_pictures(harmless)).found
    pictures = {tag for tag, _ in Tags("".join(re.findall(r"<svg.*?</svg>", hostile, re.DOTALL))).found}
    assert pictures <= {"svg", "g", "path", "text", "defs", "use", "clippath", "rect"}
    assert "&lt;script&gt;alert(1)" in hostile
    assert "{{ 7*7 }}" in hostile


def test_a_hostile_record_shapes_no_markdown() -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    hostile, harmless = (parser.parse(markdown(full(text), older(text))) for text in (EVIL, "fine"))
    assert [token.type for token in hostile] == [token.type for token in harmless]
    inner = {child.type for token in hostile for child in token.children or ()}
    assert inner <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    prose = "".join(child.content for token in hostile for child in token.children or ())
    assert "<script>alert(1)</script> <img src=//e.vil> &lt; $x$ ~~s~~" in prose
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", markdown(full(EVIL)), flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"(?i)https?://|www\.|(?<!\\)\$", outside_code)


def test_a_hostile_record_does_nothing_on_a_terminal() -> None:
    text = shown(full(EVIL))
    assert "\x1b" not in text
    assert "[bold red]rich[/] [link=http://e.vil]l[/link] :smile:" in text
    coloured = shown(full(EVIL), force_terminal=True, color_system="truecolor", legacy_windows=False)
    assert "\x1b[" in coloured
    assert not re.sub(r"\x1b\[[0-9;]*m", "", coloured).count("\x1b")
    assert "\x1b[31mred" not in coloured
    assert "\x1b[" not in failure(every_field(EVIL)).plain


@pytest.mark.parametrize("render", [html, markdown, shown])
def test_control_characters_are_spelled_out(render: Any) -> None:
    report = render(full(EVIL))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", report)
    assert "x1b" in report
    assert "u202e" in report
    report.encode("utf-8")


def test_what_changed_does_nothing_on_a_terminal() -> None:
    out = io.StringIO()
    say(Console(file=out, width=100), *what_changed(compare(older(EVIL), full(EVIL))))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", out.getvalue())
    for words in ("Newly broken: ", ", known: ", "Conventions followed differently: ", "[bold red]rich[/]"):
        assert words in out.getvalue()


def test_the_page_needs_nothing_from_the_network() -> None:
    page = html(sample(), sample()[:3])
    assert "<svg" in page
    assert all(target.startswith("#") for target in re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]*)""", page))
    assert not re.search(r"<script|<link|<iframe|@import|url\((?!#)|://", page)
    anchors = set(re.findall(r'href="#([^"]+)"', outside_pictures(page)))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize("name", [r"$\frac{$", "層正規化", "a\x1b[31mb\nc", "<b>&amp;", "_hidden"])
def test_pictures_take_any_name(name: str) -> None:
    rows = [judged(name, name, "law", Verdict.HELD, worst_ratio=0.5), timed(name, 1e-3), timed("x", None, message=name)]
    pictures = re.findall(r"<svg.*?</svg>", html(rows), re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        assert "\x1b" not in picture
        words = "".join(ElementTree.fromstring(picture.replace("xlink:", "")).itertext())
        assert escape.inline(name) in words


def sample() -> list[Record]:
    """A small honest run: one library that holds, one kernel that breaks, crashes and lacks a device."""
    return [
        Record("run", environment={"command": "veriformer check", "versions": {"numpy": "2.4"}}, seconds=200.0),
        judged(
            "lib",
            "softmax",
            "sums_to_one",
            Verdict.HELD,
            worst_ratio=0.25,
            judged=100,
            sentence="The weights sum to 1.",
        ),
        judged(
            "lib", "softmax", "ignores_a_shift", Verdict.HELD, worst_ratio=0.5, worst_ulps=1.5, judged=50, abstained=3
        ),
        judged("kernel", "softmax", "sums_to_one", Verdict.BROKEN, worst_ratio=4e6, counterexample=example("output")),
        judged("kernel", "softmax", "ignores_a_shift", Verdict.CRASHED, message="segmentation fault"),
        judged("kernel", "gelu", "is_even", Verdict.ABSENT, device="cuda", message="no cuda device"),
        timed("lib", 2e-3, timing={"samples": [1e-3, 2e-3, 4e-3], "median": 2e-3, "iqr": 1e-3, "ratio": 1.0}),
        timed("kernel", 1e-3, Verdict.BROKEN),
        timed("lib", None, Verdict.ABSENT, device="cuda", message="no cuda device"),
    ]


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
    assert "held 50 % 1/2" in shown(rows)


def test_the_headline_is_true() -> None:
    assert headline(sample()) == "1 law broken, 1 crashed"
    assert headline(sample()[:3]) == "Every judged law held"
    assert headline(sample()[5:]) == "Nothing was judged"
    assert headline([]) == "Nothing was judged"


def test_reasons_are_told_once() -> None:
    rows = [judged("i", name, "law", Verdict.ABSENT, message="no cuda device") for name in ("a", "b", "a")]
    told = reasons([*rows, Record("verdict", "broken_file", verdict=Verdict.ABSENT, message="ImportError: x")])
    assert [(row.implementation, row.message, row.components) for row in told] == [
        ("i", "no cuda device", ("a", "b")),
        ("broken_file", "ImportError: x", ()),
    ]


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


def arrays() -> Iterator[np.ndarray[Any, Any]]:
    """Arrays that are easily spoiled on the way through a file."""
    yield np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45, 0.1]], "float32")
    yield np.array([0.1, -0.0, np.nan, np.inf]).astype(ml_dtypes.bfloat16)
    yield np.array([True, False])
    yield np.array(3.5)
    yield np.zeros((0, 3), "float16")
    yield np.arange(12, dtype="int64").reshape(3, 4)[:, ::2]
    yield np.random.default_rng(0).normal(size=(9, 9))


@pytest.mark.parametrize("value", list(arrays()), ids=lambda value: f"{value.dtype}-{value.shape}")
def test_arrays_survive_a_file(value: np.ndarray[Any, Any]) -> None:
    row = judged(
        "i", "c", "law", Verdict.BROKEN, worst_ratio=math.inf, counterexample={"arguments": {"p": [{"x": value}]}}
    )
    line = row.to_json()
    back = Record.from_json(line)
    assert "NaN" not in line
    assert "Infinity" not in line
    assert back.verdict is Verdict.BROKEN
    assert back.worst_ratio == math.inf
    (found,) = (back.counterexample or {})["arguments"]["p"]
    assert (found["x"].dtype, found["x"].shape) == (value.dtype, value.shape)
    assert found["x"].tobytes() == np.ascontiguousarray(value).tobytes()


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


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((3, 4), "float32"), "zeros((3, 4))"),
        (np.ones(5, "int64"), "ones((5,))"),
        (np.eye(4), "eye(4)"),
        (np.full((2, 2), 0.1, "float32"), "full((2, 2), 0.1)"),
        (np.full(2, np.nan), "full((2,), nan)"),
        (np.zeros((0, 2)), "zeros((0, 2))"),
        (np.array([0.0, -0.0]), "[ 0., -0.]"),
        (np.full(2, -0.0), "full((2,), -0.0)"),
        (np.array([0.1, 1e-45], "float32"), "[  0.1, 1e-45]"),
        (np.array([1 / 3]), "[0.3333333333333333]"),
        (np.array([True, False]), "[ True, False]"),
        (np.ones(2, ml_dtypes.bfloat16), "ones((2,))"),
        (np.array(0.5), "0.5"),
    ],
)
def test_arrays_are_written_as_a_person_would(array: np.ndarray[Any, Any], text: str) -> None:
    assert values.array(array) == text


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_written_digits_name_the_same_number(dtype: str) -> None:
    array = np.random.default_rng(1).normal(size=(4, 5)).astype(dtype)
    assert np.array_equal(np.array(eval(values.array(array)), dtype), array)


def test_a_large_array_is_cut_short() -> None:
    assert len(values.array(np.random.default_rng(2).normal(size=(300, 300)))) < 2000


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, ""),
        (0.0, "exact"),
        (1e-5, "< 0.1 %"),
        (0.34, "34 %"),
        (1.0, "100 %"),
        (12.5, "12.5×"),
        (1.7e5, "2e5×"),
        (math.inf, "∞×"),
    ],
)
def test_shares(ratio: float | None, text: str) -> None:
    assert values.share(ratio) == text


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


def many() -> list[Record]:
    """A whole run: 3 implementations, 30 components, 20 laws, 2 dtypes; one law is broken, one was not judged."""
    rows = [
        judged(implementation, f"component_{c}", f"law_{law}", Verdict.HELD, dtype=dtype, worst_ratio=0.5)
        for implementation in "abc"
        for c in range(30)
        for law in range(20)
        for dtype in ("float32", "float64")
    ]
    rows[0] = dataclasses.replace(rows[0], verdict=Verdict.BROKEN, counterexample=example("x"), diagnosis="twice")
    rows[1] = dataclasses.replace(rows[1], verdict=Verdict.ABSENT, message="not on this day")
    return rows


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
