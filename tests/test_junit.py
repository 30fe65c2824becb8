"""JUnit XML: a test case for each law, implementation, dtype and device, whatever words a plug-in brings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

import pytest

from veriformer.cli import main
from veriformer.record import Record, Verdict
from veriformer.reports.junit import junit

EVIL = "\"'&<b>]]></failure>\x00\x1b[31m\r\n\t\x85\u202e\u200f\u2028\ud800\ufffe\uffff\U0001f600 {{7*7}}"


def row(verdict: Verdict, **more: str) -> Record:
    """A verdict on softmax that took a second and a half."""
    fields = {"implementation": "lib", "component": "softmax", "law": "is_even", "dtype": "float32", "device": "cpu"}
    return Record("verdict", **{**fields, **more}, verdict=verdict, seconds=1.5)


def outcome(record: Record, *lost: str) -> tuple[str, str | None, str | None]:
    """The element inside the test case of a record, its type and its message."""
    (case,) = ElementTree.fromstring(junit([record], lost)).iter("testcase")
    inner = next(iter(case), None)
    return ("", None, None) if inner is None else (inner.tag, inner.get("type"), inner.get("message"))


@pytest.mark.parametrize(
    ("record", "element"),
    [
        (row(Verdict.HELD), ("", None, None)),
        (row(Verdict.BROKEN, message="error / bound = 9"), ("failure", "broken", "error / bound = 9")),
        (row(Verdict.BROKEN, sentence="It is even."), ("failure", "broken", "It is even.")),
        (row(Verdict.CRASHED, message="ValueError: no"), ("error", "crashed", "ValueError: no")),
        (row(Verdict.ABSTAINED, message="wide"), ("skipped", "abstained", "abstained: wide")),
        (row(Verdict.UNSUPPORTED, message="no"), ("skipped", "unsupported", "unsupported: no")),
        (row(Verdict.ABSENT, message="no cuda device"), ("skipped", "absent", "absent: no cuda device")),
        (row(Verdict.ABSENT, message="misuse: two axes"), ("error", "misuse", "misuse: two axes")),
        (row(Verdict.BROKEN, message="9", known="old"), ("skipped", "known", "known: old (broken: 9)")),
    ],
)
def test_every_verdict_has_its_element(record: Record, element: tuple[str, str | None, str | None]) -> None:
    """Broken is a failure, crashed an error; what was not judged, and what is known, is skipped with its reason."""
    assert outcome(record) == element


def test_a_target_that_was_named_and_lost_is_an_error() -> None:
    """One that `all` passed over is skipped."""
    lost = Record("verdict", "gone.py", verdict=Verdict.ABSENT, message="ImportError: no")
    assert outcome(lost, "gone.py") == ("error", "misuse", "ImportError: no")
    assert outcome(lost) == ("skipped", "absent", "absent: ImportError: no")


def test_names_counts_and_times() -> None:
    """A suite for each implementation, with the totals that readers of the format expect."""
    rows = [row(Verdict.HELD), row(Verdict.BROKEN, dtype="float64"), row(Verdict.ABSENT, implementation="other")]
    root = ElementTree.fromstring(junit([Record("run"), *rows, Record("known")]))
    names = ("name", "tests", "failures", "errors", "skipped", "time")
    assert [[suite.get(name) for name in names] for suite in (root, *root)] == [
        ["veriformer", "3", "1", "0", "1", "4.500"],
        ["lib", "2", "1", "0", "0", "3.000"],
        ["other", "1", "0", "0", "1", "1.500"],
    ]
    assert [(case.get("classname"), case.get("name"), case.get("time")) for case in root.iter("testcase")] == [
        ("lib.softmax", "is_even [float32, cpu]", "1.500"),
        ("lib.softmax", "is_even [float64, cpu]", "1.500"),
        ("other.softmax", "is_even [float32, cpu]", "1.500"),
    ]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_any_words_are_words(verdict: Verdict) -> None:
    """Every text field hostile: well-formed, nothing that acts, and no element but those of the format."""
    named = {f.name: EVIL for f in dataclasses.fields(Record) if f.type == "str" and f.name not in ("kind", "known")}
    example = {"arguments": {EVIL: EVIL}, "script": EVIL, "traceback": EVIL, "comparison": EVIL}
    record = Record("verdict", **named, verdict=verdict, counterexample=example, conventions={EVIL: EVIL})
    for one in (record, dataclasses.replace(record, known=EVIL)):
        document = junit([one])
        root = ElementTree.fromstring(document)
        assert {node.tag for node in root.iter()} <= {
            "testsuites", "testsuite", "testcase", "failure", "error", "skipped",
        }  # fmt: skip
        words = "".join(node.get("message", "") + (node.text or "") for node in root.iter())
        assert not set(words) & set("\x00\x1b\x85\u202e\u200f\u2028\ufffe\uffff")
        if verdict is not Verdict.HELD:
            assert "</failure>" in words and "\\x1b[31m" in words and "\\ufffe" in words


def test_check_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the exit code; a place that cannot be written is found out before the work."""
    options = ("--quick", "--examples", "0", "--dtype", "float32", "-c", "residual", "-l", "is_deterministic")
    path = tmp_path / "new" / "folder" / "junit.xml"
    with pytest.raises(SystemExit) as exited:
        main(["check", "numpy", "nosuch.py", *options, "--junit", str(path)])
    assert exited.value.code == 2
    cases = {case.get("classname"): [inner.tag for inner in case] for case in ElementTree.parse(path).iter("testcase")}
    assert cases == {"numpy.residual": [], "nosuch.py": ["error"]}
    capsys.readouterr()
    with pytest.raises(SystemExit) as exited:
        main(["check", "numpy", *options, "--junit", str(tmp_path)])
    assert exited.value.code == 2
    printed = capsys.readouterr()
    assert "cannot be written" in printed.err and "held" not in printed.out
