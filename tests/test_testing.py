"""The laws in somebody's own test suite: a test each, and the message of `check` where one breaks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import SEVENS
from veriformer.cli import main
from veriformer.impls.protocol import Misuse
from veriformer.properties.conformance import FOLLOWS, Selection, Suite
from veriformer.properties.items import Items
from veriformer.properties.menu import Budget
from veriformer.record import Record, Verdict, read
from veriformer.run import found_in
from veriformer.testing import conformance_tests

ROOT = Path(__file__).parents[1]
EVIL = '"[red]<b>\x1b[31m\n\u202e'
MINE = f"""
from veriformer import Implementation
import numpy as np
impl = Implementation("mine")
evil = Implementation({EVIL!r})
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
@impl.component
def relu(x):
    return np.maximum(x, 0)
@impl.component
def gelu(x):
    raise NotImplementedError("no erf here")
@impl.component
def layer_norm(x):
    return x
@evil.component("residual")
def crashes(x, y):
    raise ValueError({EVIL!r})
"""
OWN = """
from veriformer.testing import conformance_tests
test_mine = conformance_tests(
    "mine.py", "gone.py", laws=["agrees_with_the_spec"], quick=True, examples=0, known={known!r}
)
"""


def ran(*arguments: object, folder: Path) -> str:
    """What pytest prints of tests in a folder, in a process of its own."""
    options = ("-v", "-rA", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error")
    command = [sys.executable, "-m", "pytest", *options, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with a plug-in and three lines of tests."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_mine.py").write_text(OWN.format(known=None))
    return tmp_path


def test_each_verdict_in_the_words_of_pytest(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Held passes, broken fails with the message of `check`, a declined case is skipped, a lost target fails."""
    printed = ran("test_mine.py", "-k", "not float64", folder=suite)
    law = "agrees_with_the_spec-float32-cpu"
    for line in (
        f"PASSED test_mine.py::test_mine[mine-relu-{law}]",
        f"FAILED test_mine.py::test_mine[mine-residual-{law}]",
        "FAILED test_mine.py::test_mine[gone.py] - Failed: there is no such file",
        "FAILED test_mine.py::test_mine[mine-layer_norm] - Failed: ",
        "\nmisuse: layer_norm takes (x); wanted: layer_norm(",
    ):
        assert line in printed, line
    assert re.search(r"SKIPPED \[1\] .*unsupported: .*no erf here", printed)
    records = suite / "records.jsonl"
    with pytest.raises(SystemExit):
        main(["check", str(suite / "mine.py"), "--quick", "--examples", "0", "-c", "residual", "--json", str(records)])
    told = capsys.readouterr().out
    message = told[told.index("✗ broken  mine") : told.index("\n\nbroken also: float64")]
    assert message.replace(str(suite / "mine.py"), "mine.py") in printed


def test_hostile_words_do_nothing(suite: Path) -> None:
    """Neither as the name of a test, nor in its message."""
    printed = ran("test_mine.py", "-k", "red and float32", folder=suite)
    assert "1 failed" in printed
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert "[red]<b>" in printed and "\\x1b[31m" in printed


def test_known_is_an_expected_failure(suite: Path) -> None:
    """With its reason. The file is found beside the tests, from wherever pytest runs."""
    (suite / "known.toml").write_text('[[deviation]]\nimplementation = "mine"\nreason = "the sign"\n')
    (suite / "test_mine.py").write_text(OWN.format(known="known.toml"))
    printed = ran(suite / "test_mine.py", "-k", "mine-residual", folder=ROOT)
    assert printed.count("XFAIL") and "known: the sign" in printed and "2 xfailed" in printed


def test_our_own_laws_and_the_example() -> None:
    """`properties/test_laws.py` over every implementation found, and the three lines of the example."""
    printed = ran("properties/test_laws.py", "-k", "numpy-residual and float32", folder=ROOT)
    assert re.search(r"=== \d\d passed, 2 skipped, \d+ deselected", printed), printed
    printed = ran("examples/test_bare_numpy.py", "-k", "float32 and agrees", folder=ROOT)
    assert re.search(r"\b1 passed, \d+ deselected", printed), printed


def items(target: str, *components: str) -> Items:
    """All items in float32, few cases each."""
    return Items(Suite(found_in([target]), Selection(components, (), ("float32",)), Budget(0, quick=True)))


def plain(record: Record) -> tuple[object, ...]:
    """A record without what depends on the clock, and on how it is put again."""
    return *record.key, record.verdict, record.judged, record.worst_ratio, dict(record.conventions), record.message


def test_items_get_the_verdicts_of_a_run(tmp_path: Path) -> None:
    """In any order: each verdict is that of `check`, and none is left out."""
    records = tmp_path / "records.jsonl"
    with pytest.raises(SystemExit):
        main(
            [
                "check",
                "numpy",
                "--quick",
                "--examples",
                "0",
                "--dtype",
                "float32",
                "-c",
                "softmax",
                "--json",
                str(records),
            ]
        )
    wanted = sorted(plain(record)[:8] for record in read(records) if record.law)
    asked = items("numpy", "softmax")
    found = [asked.put(item) for item in reversed(list(asked))]
    assert sorted(plain(record)[:8] for record in found if record.law != FOLLOWS) == wanted
    assert [record.verdict for record in found if record.law == FOLLOWS] == [Verdict.HELD]


def test_a_convention_that_nothing_explains_is_broken(tmp_path: Path) -> None:
    """Of who meets the formula; the message names the allowed values."""
    (tmp_path / "sevens.py").write_text(SEVENS)
    asked = items(str(tmp_path / "sevens.py"))
    (record,) = (asked.put(item) for item in asked if item.law == FOLLOWS)
    assert record.verdict is Verdict.BROKEN
    assert "none of zero, nan" in record.message


def test_a_name_that_does_not_exist_is_misuse() -> None:
    """When the tests are collected, before any runs."""
    with pytest.raises(Misuse, match="no component 'atention'"):
        conformance_tests("numpy", components=["atention"])
    with pytest.raises(Misuse, match="needs a target"):
        conformance_tests()
