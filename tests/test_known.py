"""Known deviations: accepted with a reason they fail no run, and are reported when they no longer occur."""

from __future__ import annotations

from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.impls.protocol import Misuse
from veriformer.known import Known, load
from veriformer.record import NOT_INSTALLED, Record, Verdict, read

WRONG = """
from veriformer import Implementation
impl = Implementation("mine")
@impl.component
def residual(x, sublayer_output):
    return x - sublayer_output
"""

SIGN = """
[[deviation]]
implementation = "mi*"
component = "residual"
law = "agrees_with_the_spec"
reason = "the sign is mended in 2.0"
evidence = "https://example.org/7"
"""


def row(verdict: Verdict = Verdict.BROKEN, **more: str) -> Record:
    """A verdict on softmax."""
    fields = {"implementation": "lib", "component": "softmax", "law": "is_deterministic", "dtype": "float32"}
    return Record("verdict", **{**fields, "device": "cpu", **more}, verdict=verdict)


def known(tmp_path: Path, *tables: str) -> Known:
    """The deviations of a file with these tables, each with a reason."""
    path = tmp_path / "known.toml"
    path.write_text("\n".join(f'[[deviation]]\nreason = "r{n}"\n{table}\n' for n, table in enumerate(tables)))
    return load(path)


@pytest.mark.parametrize(
    ("table", "matches"),
    [
        ('implementation = "l?b"', True),
        ('implementation = "L?b"', False),
        ('component = "soft*"\nlaw = "is_*"\ndtype = "float[13]2"\ndevice = "cpu"', True),
        ('component = "softmax"\ndevice = "cuda*"', False),
        ('library = "torch"', True),
        ('library = "torch"\nversions = ">=2.4,<2.9"', True),
        ('library = "torch"\nversions = "<2.8"', False),
        ('library = "jax"', False),
        ('library = "flax"\nversions = ">=0"', False),
        ('library = "odd"\nversions = ">=0"', False),
    ],
)
def test_matching(table: str, matches: bool, tmp_path: Path) -> None:
    """Patterns as in a shell, ranges of versions as in a requirement; a library that is not there matches nothing."""
    versions = {"torch": "2.8.0+cu128", "jax": NOT_INSTALLED, "odd": "main branch"}
    found = known(tmp_path, table).matching(row(), versions)
    assert (found.reason if found else None) == ("r0" if matches else None)


def test_marks_what_is_bad_alone(tmp_path: Path) -> None:
    """A broken or crashed record keeps its verdict and gains the reason of the first deviation that covers it."""
    file = known(tmp_path, 'law = "is_*"', 'component = "softmax"')
    rows = [row(), row(Verdict.CRASHED, law="sums"), row(Verdict.HELD), row(component="gelu", law="sums")]
    marked = list(file.marked(rows, {}))
    assert [(r.verdict, r.known, r.bad, r.fails) for r in marked] == [
        (Verdict.BROKEN, "r0", True, False),
        (Verdict.CRASHED, "r1", True, False),
        (Verdict.HELD, "", False, False),
        (Verdict.BROKEN, "", True, True),
    ]


def test_versions_are_those_of_the_run_before(tmp_path: Path) -> None:
    """Records of several runs, one after the other, each with its versions; marks of an earlier file are dropped."""
    file = known(tmp_path, 'library = "torch"\nversions = "<2.9"')
    runs = [Record("run", environment={"versions": {"torch": version}}) for version in ("2.8.0", "2.9.0")]
    stale = Record("known", message="an older file")
    marked = list(file.marked([runs[0], row(), stale, runs[1], row(known="an older file")]))
    assert [(r.kind, r.known) for r in marked] == [("run", ""), ("verdict", "r0"), ("run", ""), ("verdict", "")]


def test_what_does_not_occur_is_told(tmp_path: Path) -> None:
    """Mended, or met by nothing that was judged; what occurs is not told again."""
    file = known(tmp_path, 'law = "is_*"', 'law = "sums"', 'component = "gelu"\ndevice = "cuda"')
    absent = row(Verdict.ABSENT, component="gelu", device="cuda")
    list(file.marked([row(), row(Verdict.HELD, law="sums"), absent], {}))
    assert [(r.kind, r.message, r.known) for r in file.stale()] == [
        ("known", "law sums: no longer occurs: it was judged, and held", "r1"),
        ("known", "component gelu, device cuda: matches nothing judged here", "r2"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[deviation]\n", "is not TOML: "),
        ('[deviation]\nreason = "r"', "a single table; write [[deviation]] tables only"),
        ("[[deviations]]\n", "holds 'deviations'; write [[deviation]] tables only"),
        ("deviation = [1]", "deviation 1: is 1; write a [[deviation]] table"),
        ('[[deviation]]\nlaw = "x"', 'deviation 1: says no reason; write reason = "why this is accepted"'),
        ('[[deviation]]\nlaw = "x"\nreason = " "', "reason is ' '; write a text in quotes"),
        ('[[deviation]]\nlaw = 3\nreason = "r"', "law is 3; write a text in quotes"),
        ('[[deviation]]\nreason = "r"', "would accept everything; say which implementation, component, law"),
        ('[[deviation]]\nlaws = "x"\nreason = "r"', "has no field 'laws'; did you mean 'law'?\nfields: reason,"),
        ('[[deviation]]\nlaw = "x"\nversions = "<2"\nreason = "r"', 'versions of what? Write library = "torch"'),
        ('[[deviation]]\nlibrary = "x"\nversions = "2"\nreason = "r"', "Invalid specifier: '2'; write a range such as"),
    ],
)
def test_a_file_that_says_nothing_clear_is_misuse(text: str, said: str, tmp_path: Path) -> None:
    """What is wrong, what came, what to write."""
    path = tmp_path / "known.toml"
    path.write_text(text)
    with pytest.raises(Misuse) as misuse:
        load(path)
    assert said in str(misuse.value) and str(path) in str(misuse.value)


def test_no_file_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is judged: exit 2."""
    with pytest.raises(SystemExit) as exited:
        main(["check", "numpy", "--known", str(tmp_path / "none.toml")])
    assert exited.value.code == 2
    assert "none.toml: No such file or directory" in capsys.readouterr().err


@pytest.fixture
def checked(tmp_path: Path) -> Path:
    """A plug-in with a wrong sign, which is known."""
    (tmp_path / "mine.py").write_text(WRONG)
    (tmp_path / "known.toml").write_text(SIGN + '[[deviation]]\ncomponent = "gelu"\nreason = "gone"\n')
    return tmp_path


def check(folder: Path, *options: str) -> int:
    """The exit code of a quick check with the known deviations."""
    quick = ("--quick", "--examples", "0", "--dtype", "float32", "--json", str(folder / "records.jsonl"))
    with pytest.raises(SystemExit) as exited:
        main(["check", str(folder / "mine.py"), *quick, "--known", str(folder / "known.toml"), *options])
    return int(exited.value.code or 0)


def test_known_does_not_fail_the_run(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, shown as known, and what does not occur is told; all of it is in the records."""
    assert check(checked, "--law", "agrees_with_the_spec") == 0
    printed = capsys.readouterr().out
    for words in (
        "✗ broken (known)",
        "Known deviations",
        "mine · residual · agrees_with_the_spec · float32 · cpu: the sign is mended in 2.0 (https://example.org/7)",
        "known deviation: component gelu: matches nothing judged here",
        "Nothing was judged, 1 known deviation apart",
    ):
        assert words in printed, words
    assert "to reproduce" not in printed
    _, verdict, stale = read(checked / "records.jsonl")
    assert verdict.verdict is Verdict.BROKEN and verdict.known.startswith("the sign is mended")
    assert (stale.kind, stale.known) == ("known", "gone")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_another_broken_law_still_fails_it_and_stops_it(checked: Path, workers: str) -> None:
    """`-x` passes over what is known, and stops at the first law that fails the run."""
    (checked / "mine.py").write_text(WRONG + "@impl.component\ndef relu(x):\n    return x\n")
    assert check(checked, "-x", "-j", workers, "-c", "residual", "-c", "relu", "--law", "agrees_with_the_spec") == 1
    rows = [record for record in read(checked / "records.jsonl") if record.bad]
    assert [(record.component, bool(record.known)) for record in rows] == [("residual", True), ("relu", False)]


def test_report_marks_records_of_an_earlier_run(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Known to `report` alone, or no longer known to it: the file given decides."""
    check(checked, "--law", "agrees_with_the_spec")
    (checked / "none.toml").write_text("")
    for file, headline in (
        ("known.toml", "Nothing was judged, 1 known deviation apart"),
        ("none.toml", "1 law broken"),
    ):
        with pytest.raises(SystemExit) as exited:
            main(["report", str(checked / "records.jsonl"), "--known", str(checked / file), "-o", str(checked / "out")])
        assert not exited.value.code
        for page in ("index.html", "report.md"):
            text = (checked / "out" / page).read_text(encoding="utf-8")
            assert headline in text
            assert ("the sign is mended in 2.0" in text) == (file == "known.toml")
            assert ("Known deviations that did not occur" in text) == (file == "known.toml")
