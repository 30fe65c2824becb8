"""One record whose every text is hostile, through every output: the words arrive, and none of them acts."""

from __future__ import annotations

import ast
import dataclasses
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from veriformer.cli import main, shown
from veriformer.properties.script import script
from veriformer.record import Record, Verdict, write
from veriformer.reports.compare import compare
from veriformer.reports.html import html
from veriformer.reports.junit import junit
from veriformer.reports.markdown import markdown
from veriformer.reports.terminal import failure, say, terminal, what_changed
from veriformer.testing import told

EVIL = (
    "start \"'`\\ {{7*7}} [bold]b[/bold] </td><script>alert(1)</script> ]]> **m** |\n\r\t"
    "\x00\x07\x08\x1b[31mred\x1b]0;title\x07\x9b\x7f\x85 "
    "\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029\ufeff\ud800\ufffe\uffff end"
)
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What a terminal obeys, and what changes the order or the lines of what is read; line ends and tabs are harmless."""


def hostile(verdict: Verdict = Verdict.BROKEN, **more: Any) -> Record:
    """A record in which each text, each key and each name is hostile."""
    texts = {f.name: EVIL for f in dataclasses.fields(Record) if f.type == "str"}
    array = np.array([1.0, np.nan], "float32")
    example = {
        "arguments": {EVIL: array, "nest": {EVIL: [array, EVIL]}}, "options": {EVIL: EVIL}, "extra": {EVIL: (EVIL, array)},
        "conventions": {EVIL: EVIL}, "layouts": [[[0, EVIL], EVIL]], "aliases": [[0, EVIL]], "extension": EVIL,
        "comparison": EVIL, "got": array, "wanted": np.ones(2), "allowed": np.ones(2), "index": [1], "examples": 3,
        "traceback": EVIL, "script": EVIL,
    }  # fmt: skip
    fields = {
        **texts,
        "kind": "verdict",
        "known": "",
        "verdict": verdict,
        "worst_ratio": 9.0,
        "counterexample": example,
    }
    return Record(**{**fields, "conventions": {EVIL: EVIL}, "precision": {"contract": EVIL, EVIL: EVIL}, **more})


ROWS = [
    *(hostile(verdict, law=f"{verdict} {EVIL}") for verdict in Verdict),
    hostile(known=EVIL, law=f"known {EVIL}"),
    hostile(kind="known"),
    hostile(kind="timing", timing={"samples": [1.0, 2.0], "median": 1.0, "iqr": 0.1, "ratio": 1.0}),
    hostile(kind="run", environment={EVIL: EVIL, "machine": {EVIL: [EVIL]}, "versions": {EVIL: EVIL}}),
]
BEFORE = [dataclasses.replace(row, verdict=Verdict.HELD, conventions={EVIL: "x"}) for row in ROWS]


def printed(*texts: Any) -> str:
    """What a terminal receives."""
    out = io.StringIO()
    say(Console(file=out, width=100), *texts)
    return out.getvalue()


def on_a_terminal() -> str:
    """The whole report, without colours."""
    out = io.StringIO()
    terminal(ROWS, Console(file=out, width=100))
    return out.getvalue()


def in_a_test() -> str:
    """What pytest is told, whatever the verdict."""
    said = []
    for row in ROWS[:-3]:
        try:
            told(row, lost=False)
        except BaseException as outcome:  # noqa: BLE001  (pytest's outcomes are no Exceptions)
            said.append(str(outcome))
    return "\n".join(said)


def progress(capsys: pytest.CaptureFixture[str]) -> str:
    """The lines of progress, piped."""
    list(shown(ROWS, Console(file=io.StringIO())))
    return capsys.readouterr().err


OUTPUTS: dict[str, Callable[[], str]] = {
    "html": lambda: html(ROWS, BEFORE),
    "markdown": lambda: markdown(ROWS, BEFORE),
    "terminal": on_a_terminal,
    "failure": lambda: failure(ROWS[0]).plain,
    "what changed": lambda: printed(*what_changed(compare(BEFORE, ROWS))),
    "junit": lambda: junit(ROWS).decode("utf-8"),
    "pytest": in_a_test,
    "script": lambda: script(ROWS[0], EVIL),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_nothing_acts(name: str) -> None:
    """Every unseen character is spelled out, and the words around it are there."""
    text = OUTPUTS[name]()
    assert not ACTS.search(text)
    text.encode("utf-8")
    assert "start" in text and "x1b" in text and "u200f" in text and "end" in text


def test_progress_does_not_act(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each component and dtype, on one line each."""
    text = progress(capsys)
    assert not ACTS.search(text)
    assert all(line.startswith("judging ") for line in text.splitlines())


def test_no_tag_arrives_as_a_tag() -> None:
    """Neither in the page, nor in Markdown that a page is made of, nor in XML."""
    for name in ("html", "markdown", "junit"):
        outside_code = re.sub(r"^(`{3,}).*?^\1$", "", OUTPUTS[name](), flags=re.DOTALL | re.MULTILINE)
        assert "<script" not in outside_code, name
        assert "&lt;script&gt;" in outside_code, name
    assert {node.tag for node in ElementTree.fromstring(OUTPUTS["junit"]()).iter()} == {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped",
    }  # fmt: skip


def test_a_script_is_one_call_with_plain_values() -> None:
    """Two imports, one call; every value is a literal or an array."""
    *imports, statement = ast.parse(OUTPUTS["script"]()).body
    assert [ast.unparse(line) for line in imports] == [
        "import numpy as np",
        "from veriformer.replay import reproduce",
    ]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    called = {ast.unparse(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)}
    assert called <= {"reproduce", "np.array", "float"}
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    assert names <= {"reproduce", "np", "float"}
    assert ast.literal_eval(statement.value.args[0]) == EVIL


def test_replay_and_report_say_it_harmlessly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands that read such records."""
    records = tmp_path / "records.jsonl"
    write(records, [dataclasses.replace(row, implementation="numpy") for row in ROWS])
    for command in (("replay", records, "numpy"), ("report", records, "--compare", records, "-o", tmp_path / "out")):
        with pytest.raises(SystemExit):
            main([str(word) for word in command])
        said = capsys.readouterr()
        assert said.out and not ACTS.search(said.out + said.err)
