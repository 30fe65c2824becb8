"""Bad input: whatever is wrong with a target, an option or an answer, the culprit is named and the rest of the run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.record import Record, Verdict, read

GOOD = """
from veriformer import Implementation
good = Implementation("good")
@good.component("residual")
def add(x, sublayer_output):
    return x + sublayer_output
"""

UNLOADABLE = {
    "a syntax error": ("def (", "SyntaxError: invalid syntax"),
    "a missing library": ("import nosuchlibrary", "ModuleNotFoundError: No module named 'nosuchlibrary'"),
    "an exception": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "an exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "an exception without a message": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "E: (its message could not be read)",
    ),
    "no Implementation": ("x = 1", "holds no Implementation; write impl = Implementation("),
    "an unknown backend": (
        "from veriformer import Implementation\nimpl = Implementation('x', 'pytorch')",
        "backend 'pytorch' is not known; one of 'numpy', 'torch', 'jax'",
    ),
    "an unknown dtype": (
        "from veriformer import Implementation\nimpl = Implementation('x', dtypes=('float23',))",
        "dtype 'float23' is not known",
    ),
    "a nameless function": (
        "from veriformer import Implementation\nimpl = Implementation('x')\nimpl.component(lambda x: x)",
        'write impl.component("attention")(function)',
    ),
    "a C built-in": (
        "from veriformer import Implementation\nimpl = Implementation('x')\nimpl.component('residual')(max)",
        "residual: the signature of <built-in function max> cannot be read (a C built-in?); wrap it:",
    ),
}
"""What a file may hold in place of an implementation, and what is said of it."""

MISDECLARED = {
    "no component": ("", "offers no component; decorate one with @impl.component"),
    "a misspelt component": ("@impl.component\ndef softmaxx(x): return x", "did you mean 'softmax'?"),
    "a misspelt convention": (
        "@impl.component(varience='biased')\ndef layer_norm(x, gamma, beta): return x",
        "layer_norm has no convention 'varience'; did you mean 'variance'? (its conventions: eps, variance, eps_place)",
    ),
    "an unknown value": (
        "@impl.component(fully_masked='zeros')\ndef softmax(x, *, mask=None): return x",
        "fully_masked='zeros' is not among the values of this convention: 'zero', 'nan',",
    ),
    "a misspelt size": (
        "@impl.component(only={'dk': 64})\ndef attention(q, k, v): return v",
        "names no size; did you mean 'd_k'?",
    ),
    "too few arguments": (
        "@impl.component\ndef softmax(): return 0",
        "softmax takes (); wanted: softmax(x, *, mask=None)",
    ),
    "too many arguments": ("@impl.component\ndef softmax(x, alpha): return x", "needs an argument 'alpha'"),
    "a missing keyword": (
        "@impl.component\ndef multi_head_attention(x, memory, params): return x",
        "must take the keyword 'n_heads'",
    ),
    "a function where a class is wanted": (
        "@impl.component\ndef cached_attention(params, *, n_heads): return params",
        'cached_attention is declared form="function"; wanted: form="object", a class whose objects keep the state',
    ),
    "a class where a function is wanted": (
        "@impl.component('softmax', form='object')\nclass Softmax:\n    def __init__(self, x): pass",
        'softmax is declared form="object"; wanted: form="function"',
    ),
    "a class without a keyword": (
        "@impl.component('cached_attention', form='object')\nclass Cache:\n    def __init__(self, params): pass",
        "must take the keyword 'n_heads'; wanted: cached_attention(params, *, n_heads, max_length=None, ",
    ),
    "a gradient of nothing": (
        "@impl.component\ndef softmax(x): return x\n@impl.vjp('sofmax')\ndef g(c, x): return c",
        "no component of this name is offered; did you mean 'softmax'?",
    ),
}
"""What a declaration may have wrong, and what is said of it."""

ANSWERS = {
    "(x + sublayer_output)[..., :1]": (Verdict.BROKEN, "shape of the output"),
    "(x + sublayer_output).astype('float64')": (Verdict.BROKEN, "dtype: got float64, wanted float32"),
    "x * float('nan')": (Verdict.BROKEN, "error / bound = inf"),
    "(x, sublayer_output)": (Verdict.BROKEN, "arrays answered"),
    "None": (Verdict.CRASHED, "residual returned NoneType; wanted: an array of numpy"),
    "1.0": (Verdict.CRASHED, "residual returned float; wanted: an array of numpy"),
    "x.tolist()": (Verdict.CRASHED, "residual returned list"),
    "'x'": (Verdict.CRASHED, "residual returned str; wanted: an array of numpy"),
    "1 / 0": (Verdict.CRASHED, "ZeroDivisionError: division by zero"),
    "{}[x.shape]": (Verdict.CRASHED, "KeyError"),
}
"""What a function may answer to float32 in place of x + sublayer_output, and its worst verdict."""


def veriformer(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code of a command, and all that it printed."""
    with pytest.raises(SystemExit) as exited:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return int(exited.value.code or 0), printed.out + printed.err


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """A check of float32 that is over soon."""
    return veriformer(capsys, "check", "--quick", "--examples", 0, "--dtype", "float32", *arguments)


def plug_in(folder: Path, text: str, name: str = "plug_in.py") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("what", UNLOADABLE)
def test_target_that_cannot_be_loaded_is_named_and_the_rest_is_judged(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, after the good one was judged."""
    text, said = UNLOADABLE[what]
    bad, good = plug_in(tmp_path, text), plug_in(tmp_path, GOOD, "good.py")
    code, printed = check(capsys, bad, good, "--law", "keeps_the_dtype", "--component", "residual")
    assert code == 2, printed
    assert said in printed and str(bad) in printed
    assert "Every judged law held" in printed


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nosuch.py", "nosuch.py: there is no such file"),
        ("nosuch", "nosuch: no file, module or installed implementation of this name; installed: jax, numpy, torch"),
        (".", ".: is a folder; name a Python file in it"),
        ("./", "./: is a folder; name a Python file in it"),
        ("numpy.linalg", "numpy.linalg: holds no Implementation"),
        ("numpy:zeros", "is of type builtin_function_or_method, not a veriformer.Implementation"),
        ("veriformer.impls.numpy:imp", "has no attribute 'imp'"),
    ],
)
def test_target_that_does_not_exist(target: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and nothing is claimed."""
    code, printed = check(capsys, target)
    assert code == 2
    assert said in printed
    assert "Nothing was judged" in printed


@pytest.mark.parametrize("what", MISDECLARED)
def test_declaration_that_cannot_be_judged_is_misuse(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named with the way out; what is declared well beside it is judged; exit 2."""
    text, said = MISDECLARED[what]
    target = plug_in(tmp_path, f"from veriformer import Implementation\nimpl = Implementation('mine')\n{text}\n{GOOD}")
    code, printed = check(capsys, target, "--law", "keeps_the_dtype")
    assert code == 2
    assert "misuse: " in printed and said in printed, printed
    assert "Every judged law held" in printed


def test_two_implementations_of_one_name_are_not_mixed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports and scripts go by the name."""
    target = plug_in(tmp_path, GOOD + GOOD.replace("good =", "other =").replace("@good", "@other").replace("+", "-"))
    code, printed = check(capsys, target, "--law", "keeps_the_dtype")
    assert code == 2
    assert f"{target}: holds a second implementation named 'good'" in printed


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """One run over implementations that answer all of ANSWERS, and a good one last."""
    folder = tmp_path_factory.mktemp("answers")
    lines = [f"offer({name!r}, lambda x, sublayer_output: {name})" for name in ANSWERS]
    text = (
        "def offer(name, function):\n    impl = globals()[name] = Implementation(name)\n"
        "    impl.component('residual')(function)\n"
    )
    target = plug_in(folder, "from veriformer import Implementation\n" + text + "\n".join(lines) + GOOD)
    with pytest.raises(SystemExit) as exited:
        quick = ("--quick", "--examples", "0", "--dtype", "float32")
        main(["check", str(target), *quick, "--json", str(folder / "records.jsonl")])
    assert exited.value.code == 1
    return [record for record in read(folder / "records.jsonl") if record.kind == "verdict"]


@pytest.mark.parametrize("expression", ANSWERS)
def test_wrong_answer_is_named(expression: str, answered: list[Record]) -> None:
    """Each gives its verdict, and a message that says what came."""
    verdict, said = ANSWERS[expression]
    mine = [record for record in answered if record.implementation == expression]
    assert verdict in {record.verdict for record in mine}
    assert any(said in record.message for record in mine if record.verdict is verdict), [r.message for r in mine]


def test_the_rest_of_the_run_goes_on(answered: list[Record]) -> None:
    """The last one offered is judged as if it were alone."""
    good = [record for record in answered if record.implementation == "good"]
    assert {record.verdict for record in good} == {Verdict.HELD, Verdict.ABSENT}


@pytest.mark.parametrize("expression", ["[x + sublayer_output]", "{'y': x + sublayer_output}"])
def test_nested_answer_is_no_array(expression: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list that holds the right array is not the right array."""
    target = plug_in(tmp_path, GOOD.replace("x + sublayer_output", expression))
    assert check(capsys, target, "--law", "agrees_with_the_spec")[0] == 1


def test_function_that_exits_does_not_end_the_run(tmp_path: Path) -> None:
    """sys.exit(0) inside a component must not pass for success."""
    text = GOOD.replace("    return x + sublayer_output", "    raise SystemExit(0)")
    command = [
        sys.executable,
        "-m",
        "veriformer.cli",
        "check",
        str(plug_in(tmp_path, text)),
        "--quick",
        "--examples",
        "0",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "SystemExit" in ran.stdout


def test_declining_everything_is_nothing_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with the implementation's own words."""
    text = GOOD.replace("    return x + sublayer_output", "    raise NotImplementedError('not on Sundays')")
    code, printed = check(capsys, plug_in(tmp_path, text), "--law", "agrees_with_the_spec")
    assert code == 2
    assert "NotImplementedError: not on Sundays" in printed
    assert "Nothing was judged" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--component", "sofmax"),
            ("no component 'sofmax'; did you mean 'softmax'?", "components: softmax, log_softmax"),
        ),
        (("--law", "ignores_shift"), ("no law 'ignores_shift'; did you mean 'ignores_a_shift'?", "laws: ")),
        (("--component", "residual", "--law", "keeps_the_order"), ("no law 'keeps_the_order'", "laws: a_batch_is")),
        (("--dtype", "float23"), ("no dtype 'float23'; did you mean 'float32'?", "dtypes: float64, float32, bfloat16")),
        (("--device", "tpu", "--component", "softmax"), ("numpy (softmax): tpu is not offered", "Nothing was judged")),
        (("--examples", "-3"), ("Invalid value for '--examples'",)),
        (("--workers", "0"), ("Invalid value for '-j'",)),
        (("--json", "/proc/nowhere/records.jsonl"), ("/proc/nowhere/records.jsonl cannot be written",)),
    ],
)
def test_option_that_makes_no_sense(
    arguments: tuple[str, ...], said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with what exists."""
    code, printed = veriformer(capsys, "check", "numpy", *arguments)
    assert code == 2
    assert all(words in printed for words in said), printed


def test_component_that_is_not_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing judged is exit 2, and says why."""
    code, printed = check(capsys, plug_in(tmp_path, GOOD), "--component", "softmax")
    assert code == 2
    assert "good (softmax): not offered" in printed


@pytest.mark.parametrize(
    "command", [("replay", "{}", "numpy"), ("report", "{}"), ("bench", "numpy", "--records", "{}")]
)
@pytest.mark.parametrize(
    ("text", "said"), [(None, "No such file or directory"), ("def (", "line 1, is not a record of veriformer")]
)
def test_file_that_holds_no_records(
    command: tuple[str, ...], text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Misuse, not a traceback."""
    path = tmp_path / "records.jsonl"
    if text is not None:
        path.write_text(text)
    code, printed = veriformer(capsys, *(word.format(path) for word in command))
    assert code == 2
    assert said in printed and str(path) in printed
    assert "Traceback" not in printed


def test_name_in_this_folder_is_found_and_shadows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`module:object` beside the caller; a file named as an installed package does not stand in for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    plug_in(tmp_path, GOOD, "some_kernels_of_mine.py")
    plug_in(tmp_path, "raise RuntimeError('shadowed')", "jinja2.py")
    code, printed = check(capsys, "some_kernels_of_mine:good", "--law", "keeps_the_dtype")
    assert code == 0, printed
    named_as_installed = plug_in(tmp_path, "import scipy\nassert scipy.__version__\n" + GOOD, "scipy.py")
    assert check(capsys, named_as_installed, "--law", "keeps_the_dtype")[0] == 0
    assert os.fspath(tmp_path) not in sys.path, "the judging process imports nothing from there"


def test_installed_implementation_that_is_not_named_may_be_absent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`all` without one of the frameworks is no misuse; the framework by its name is."""
    from veriformer.impls import discover

    entries = {name: entry for name, entry in discover.installed().items() if name == "numpy"}
    value = next(iter(entries.values()))
    entries["absent"] = type(value)(name="absent", value="nosuchpackage:impl", group=discover.GROUP)
    monkeypatch.setattr(discover, "installed", lambda: entries)
    chosen = ("--component", "residual", "--law", "keeps_the_dtype")
    code, printed = check(capsys, "all", *chosen)
    assert code == 0, printed
    assert "nosuchpackage:impl: " in printed
    assert check(capsys, "numpy", "absent", *chosen)[0] == 2
