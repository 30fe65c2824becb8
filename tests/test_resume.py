"""Resuming: a run that was killed loses at most the law in progress, and ends with the records of an undisturbed one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.record import Record, read

GOOD = """
from veriformer import Implementation
good = Implementation("good")
@good.component
def residual(x, sublayer_output):
    return x + sublayer_output
@good.component
def relu(x):
    return x * (x > 1)
"""
CHOSEN = ("--dtype", "float32", "--dtype", "float64", "--quick", "--examples", "1")
MOMENTS = 12
FORKING = """
import json, os, sys
from veriformer.cli import main
for line in sys.stdin:
    run = os.fork()
    if run == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        main(json.loads(line))
    print(run, flush=True)
    os.waitpid(run, 0)
    print("ended", flush=True)
"""
"""Runs of the command, each in a process that need not import everything again: its number, and when it has ended."""


def command(target: Path, records: Path, *options: str) -> list[str]:
    return ["check", str(target), *CHOSEN, "--json", str(records), *options]


def check(*arguments: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as exited:
        main([*arguments])
    return int(exited.value.code or 0)


def told(records: Path) -> list[Record]:
    """The verdicts of a file without their times."""
    return [dataclasses.replace(r, seconds=0.0) for r in read(records) if r.kind == "verdict"]


def as_lines(records: Path) -> list[str]:
    return [record.to_json() for record in told(records)]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plug-in with a law that is broken, and its counterexample."""
    path = tmp_path_factory.mktemp("resumed") / "good.py"
    path.write_text(GOOD)
    return path


@pytest.fixture(scope="module")
def undisturbed(target: Path) -> Path:
    """The records of a run that nothing has happened to."""
    records = target.with_name("undisturbed.jsonl")
    assert check(*command(target, records)) == 1
    return records


def is_alive(process: int) -> bool:
    """Has it not ended yet?"""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def size(path: Path) -> int:
    """How much there is in a file; -1 if it is not there."""
    return path.stat().st_size if path.exists() else -1


def test_a_run_killed_at_any_moment_is_resumed(target: Path, undisturbed: Path, tmp_path: Path) -> None:
    """Killed a dozen times, soon after it has gone on by a record or more; by turns with one and two processes."""
    records, rng = tmp_path / "records.jsonl", random.Random(0)
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runs:
        assert runs.stdin is not None and runs.stdout is not None
        for moment in range(MOMENTS):
            options = ("--resume", "-j", "2") if moment % 4 == 3 else ("--resume",)
            before = size(records)
            print(json.dumps(command(target, records, *options)), file=runs.stdin, flush=True)
            running = int(runs.stdout.readline())
            while size(records) == before and is_alive(running):
                time.sleep(0.002)
            time.sleep(rng.random() * 0.1)
            with contextlib.suppress(ProcessLookupError):
                os.kill(running, signal.SIGKILL)
            assert runs.stdout.readline() == "ended\n"
            assert {*as_lines(records)} <= {*as_lines(undisturbed)}
            if len(as_lines(records)) == len(as_lines(undisturbed)):
                records.unlink()
    assert check(*command(target, records, "--resume")) == 1
    assert as_lines(records) == as_lines(undisturbed)


def test_what_is_judged_already_is_not_judged_again(target: Path, undisturbed: Path, tmp_path: Path) -> None:
    """A verdict that was changed by hand is still there; the line that was being written when the run died is not."""
    records = tmp_path / "records.jsonl"
    first, *lines = undisturbed.read_text().splitlines(keepends=True)
    marked = [line.replace('"judged":', '"judged":9') for line in lines[:5]]
    records.write_text("".join([first, *marked, lines[5][:-10]]))
    assert check(*command(target, records, "--resume")) == 1
    assert records.read_text().splitlines(keepends=True)[:6] == [first, *marked]
    assert as_lines(records)[5:] == as_lines(undisturbed)[5:]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seed", "1"), "seed was 0, and is 1"),
        (("--examples", "2"), "examples was 1, and is 2"),
        (("--timeout", "7"), "timeout was 120.0, and is 7.0"),
        (("--component", "relu"), "components was [], and is ('relu',)"),
        (("numpy",), "the targets were good, and are good, numpy"),
    ],
)
def test_a_run_of_something_else_is_not_resumed(
    options: tuple[str, ...],
    said: str,
    target: Path,
    undisturbed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2, with what has changed; nothing is lost."""
    records = tmp_path / "records.jsonl"
    records.write_bytes(undisturbed.read_bytes())
    assert check(*command(target, records, "--resume", *options)) == 2
    assert f"cannot resume {records}: {said}\n" in capsys.readouterr().err
    assert records.read_bytes() == undisturbed.read_bytes()


def test_a_changed_target_is_not_resumed(undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its contents, and those of what it imports from beside it; its date does not matter."""
    target, helper, records = tmp_path / "good.py", tmp_path / "beside_good.py", tmp_path / "records.jsonl"
    target.write_text("import beside_good\n" + GOOD)
    helper.write_text("one = 1\n")
    chosen = ("-c", "residual", "-l", "keeps_the_dtype")
    assert check(*command(target, records, *chosen)) == 0
    helper.touch()
    assert check(*command(target, records, *chosen, "--resume")) == 0
    helper.write_text("one = 2\n")
    assert check(*command(target, records, *chosen, "--resume")) == 2
    assert "the source of beside_good has changed" in capsys.readouterr().err


def test_a_changed_version_is_not_resumed(
    target: Path, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records.jsonl"
    records.write_text(undisturbed.read_text().replace('"numpy":"', '"numpy":"0.'))
    assert check(*command(target, records, "--resume")) == 2
    assert "numpy was 0." in capsys.readouterr().err


def test_two_runs_do_not_write_to_one_file(
    target: Path, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second is told so, and leaves the file to the first."""
    records = tmp_path / "records.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-m", "veriformer.cli", *command(target, records)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while size(records) < 1:
        time.sleep(0.002)
    assert check(*command(target, records)) == 2
    assert f"{records} is being written by another run" in capsys.readouterr().err
    assert running.wait() == 1
    assert as_lines(records) == as_lines(undisturbed)


def test_resuming_needs_a_file(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("check", str(target), "--resume") == 2
    assert "--resume needs the file of the run that was interrupted" in capsys.readouterr().err
