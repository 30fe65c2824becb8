"""Messages: a broken law says all that is needed, and nothing that a plug-in says acts on its reader."""

from __future__ import annotations

import ast
import base64
import io
import re
import subprocess
import sys
import zlib
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from rich.console import Console

from veriformer.cli import main, shown
from veriformer.properties.script import array_source, script
from veriformer.record import Record, Verdict, read

EVIL = (
    '"\'`\\ [bold red]red[/] [/nothing] <script>alert(1)</script> {{7*7}} %s\n"""\r# no comment\t'
    "\x1b[31m\x07\x9b\u202eback\u2028line\ud800"
)
"""A name, or a message, that tries everything."""

HOSTILE = f"""
from veriformer import Implementation
evil = {EVIL!a}
impl = Implementation("name " + evil)
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
@impl.component
def layer_norm(x, gamma, beta):
    raise ValueError("raised " + evil)
@impl.component
def softmax(x):
    raise NotImplementedError("declined " + evil)
@impl.component("component " + evil)
def other(x):
    return x
@impl.component(**{{"convention " + evil: evil}})
def attention(q, k, v):
    return q
"""

WRONG = """
from veriformer import Implementation
impl = Implementation("wrong")
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
@impl.component
def layer_norm(x, gamma, beta, *, eps=1e-5):
    root = (x.var(-1, keepdims=True, ddof=min(1, x.shape[-1] - 1)) + x.dtype.type(eps)) ** 0.5
    return (x - x.mean(-1, keepdims=True)) / root * gamma + beta
@impl.component
def softmax(x):
    return x.no_such_method()
"""

ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ud800-\udfff]")
"""What acts on a terminal, or on a reader's eye, without being seen; line ends and tabs are harmless."""


def checked(target: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, list[Record]]:
    """Exit code, text and verdicts of a quick check of float32."""
    records = target.with_suffix(".jsonl")
    quick = ("--quick", "--examples", "0", "--dtype", "float32", "--json", str(records))
    with pytest.raises(SystemExit) as exited:
        main(["check", str(target), *quick, *options])
    printed = capsys.readouterr()
    verdicts = [record for record in read(records) if record.kind == "verdict"]
    return int(exited.value.code or 0), printed.out + printed.err, verdicts


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A plug-in whose every text is hostile, in a file whose name is."""
    path = tmp_path / "evil '[bold]\n\"<b>.py"
    path.write_text(HOSTILE)
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A plug-in with a wrong sign, an unbiased variance and a crash."""
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    return path


def test_broken_law_says_all_that_is_needed(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sentence, smallest input, got, wanted, error / bound, ulps, script."""
    code, printed, records = checked(wrong, capsys, "--component", "residual", "--law", "agrees_with_the_spec")
    assert code == 1
    (record,) = records
    assert record.counterexample is not None
    for words in (
        "✗ broken  wrong · residual · float32 · cpu",
        "agrees_with_the_spec: The output is the formula's, within the derived bound.",
        "smallest input found",
        "x                float32 (2,)  zeros((2,))",
        "sublayer_output  float32 (2,)  [0., 1.]",
        "output[1]",
        "got            -1.0",
        "wanted         1.0",
        "allowed        ± 5.96e-08",
        "error          2",
        "error / bound  3.355e+07",
        "in ulps        1.678e+07",
        "to reproduce",
        record.counterexample["script"],
        "1 law broken",
    ):
        assert words in printed, words


def test_another_formula_is_diagnosed(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says which one."""
    _, printed, records = checked(wrong, capsys, "--component", "layer_norm", "--law", "agrees_with_the_spec")
    assert records[0].verdict is Verdict.BROKEN
    assert "diagnosis: not the formula; on these inputs it equals the formula with variance='unbiased'" in printed


def test_crash_shows_where(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message, and the traceback down to the plug-in's own line, once for all laws."""
    code, printed, _ = checked(wrong, capsys, "--component", "softmax")
    assert code == 1
    assert "AttributeError: 'numpy.ndarray' object has no attribute 'no_such_method'" in printed
    assert "return x.no_such_method()" in printed
    assert f'File "{wrong}"' in printed
    assert printed.count("to reproduce") == 1


def test_hostile_plug_in_does_nothing_on_a_terminal(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every text arrives, spelled out; nothing of it acts."""
    code, printed, _ = checked(hostile, capsys)
    assert code == 1
    assert not ACTIVE.search(printed)
    for words in ("name ", "raised ", "declined ", "component ", "convention "):
        assert words in printed
    assert "[bold red]red[/] [/nothing]" in printed
    assert "\\x1b[31m" in printed and "\\u202eback" in printed


def test_progress_on_a_terminal_reads_no_markup() -> None:
    """The line of progress takes any name: "[/nothing]" would be an error in rich's markup."""
    console = Console(file=io.StringIO(), force_terminal=True)
    record = Record("verdict", EVIL, "softmax", "is_deterministic", dtype="float32", device="cpu")
    assert list(shown([record], console)) == [record]


def test_hostile_plug_in_enters_scripts_through_repr(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each script is the call it should be, and shows the failure again."""
    _, _, records = checked(hostile, capsys, "--component", "residual", "--component", "layer_norm")
    scripts = {r.component: r.counterexample["script"] for r in records if r.counterexample}
    assert scripts.keys() == {"residual", "layer_norm"}
    for text in scripts.values():
        *imports, call = ast.parse(text).body
        assert [type(statement) for statement in imports] == [ast.Import, ast.ImportFrom]
        assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
        names = {keyword.arg: keyword.value for keyword in call.value.keywords}
        assert ast.literal_eval(names["implementation"]) == "name " + EVIL
        assert ast.literal_eval(call.value.args[0]) == str(hostile)
        assert not ACTIVE.search(text)
    again = hostile.parent / "again.py"
    again.write_text(scripts["residual"])
    ran = subprocess.run([sys.executable, str(again)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    assert not ACTIVE.search(ran.stdout)


def test_hostile_plug_in_is_harmless_in_a_report(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From its records come a page without its tags, and Markdown without its controls."""
    checked(hostile, capsys)
    out = hostile.parent / "report"
    with pytest.raises(SystemExit) as exited:
        main(["report", str(hostile.with_suffix(".jsonl")), "-o", str(out)])
    assert not exited.value.code
    for path in (out / "index.html", out / "report.md"):
        text = path.read_text(encoding="utf-8")
        assert not ACTIVE.search(text.replace("\r", "")), path
    assert "<script>alert" not in (out / "index.html").read_text(encoding="utf-8")


def test_unloadable_target_says_nothing_that_acts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message of an import that failed is a plug-in's text too."""
    target = tmp_path / "raises.py"
    target.write_text(f"raise RuntimeError({EVIL!a})")
    code, printed, _ = checked(target, capsys)
    assert code == 2
    assert "RuntimeError: " in printed and not ACTIVE.search(printed)
    with pytest.raises(SystemExit):
        main(["bench", str(target)])
    assert not ACTIVE.search(capsys.readouterr().err)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), "float32"),
        np.zeros((0, 3), "float16"),
        np.float32([0.0, -0.0]),
        np.array([[1.0, -0.0], [0.0, 1.0]]),
        np.eye(3, dtype="float32"),
        np.ones((2, 2), dtype=bool),
        np.array([[True, False]]),
        np.array([1, -5, 2**40]),
        np.array(3.5, "float32"),
        np.array([np.nan, np.inf, -np.inf, 5e-324, 0.1]),
        np.float32([0.1, 1e-45, 3.4e38]),
        np.array([0.1, -0.0, 3e38], ml_dtypes.bfloat16),
        np.arange(300, dtype="float32").reshape(3, 100) / 7,
        (np.arange(300) / 7).astype(ml_dtypes.bfloat16),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_array_in_a_script_is_the_array(array: np.ndarray) -> None:
    """To the last bit, dtype and shape included."""
    back = eval(array_source(array), {"np": np, "base64": base64, "zlib": zlib})
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


def test_script_names_arrays_that_have_a_name() -> None:
    """Zeros, ones and the identity are written as such."""
    sources = [array_source(a) for a in (np.zeros((2, 2)), np.ones(3), np.eye(2))]
    assert sources == [
        "np.zeros((2, 2), dtype='float64')",
        "np.ones((3,), dtype='float64')",
        "np.eye(2, dtype='float64')",
    ]


def test_script_holds_what_the_law_drew() -> None:
    """Options, extra arrays, layouts and aliases are all there."""
    example = {
        "arguments": {"x": np.zeros(2), "memory": np.zeros(2)},
        "options": {"causal": True},
        "extra": {"earlier": {"arguments": (np.ones(2),)}},
        "layouts": [[[0], "strided"]],
        "aliases": [[0, 1]],
        "extension": "grouped heads",
    }
    record = Record("verdict", "mine", "attention", "a_law", dtype="float64", device="cpu", counterexample=example)
    (call,) = (s.value for s in ast.parse(script(record, "mine.py")).body if isinstance(s, ast.Expr))
    assert isinstance(call, ast.Call)
    written = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert written["options"] == "{'causal': True}"
    assert written["extra"] == "{'earlier': {'arguments': (np.ones((2,), dtype='float64'),)}}"
    assert (written["layouts"], written["aliases"]) == ("[[[0], 'strided']]", "[[0, 1]]")
