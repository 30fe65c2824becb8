"""Records for the tests of reports: hostile ones, with everything in every field, and a run as it may be."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
from rich.console import Console

from veriformer.record import Record, Verdict
from veriformer.reports.terminal import terminal

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
