"""Hostile plug-ins: whatever one does to its process, it gets its verdict, and the healthy one beside it gets its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from veriformer.cli import main
from veriformer.impls import door
from veriformer.properties import minimise
from veriformer.record import Record, Verdict, read

HOSTILE = Path(__file__).parent / "hostile"
AGREES, WORLD = "agrees_with_the_spec", "leaves_the_world_as_it_found_it"
CRASHED, BROKEN, HELD, ABSENT = Verdict.CRASHED, Verdict.BROKEN, Verdict.HELD, Verdict.ABSENT


def has_torch() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def has_cuda() -> bool:
    """Is there a GPU to lose?"""
    if not has_torch():
        return False
    import torch

    return torch.cuda.is_available()


EXPECTED = {
    "segfault": (AGREES, CRASHED, "SIGSEGV: the process was killed by signal 11: Segmentation fault"),
    "aborts": (AGREES, CRASHED, "SIGABRT: the process was killed by signal 6: Aborted"),
    "exits": (AGREES, CRASHED, "Exited: the process ended with exit status 0 in place of answering"),
    "exits_politely": (AGREES, CRASHED, "SystemExit: 0"),
    "kills_itself": (AGREES, CRASHED, "SIGKILL: the process was killed by signal 9: Killed"),
    "interrupts": (AGREES, CRASHED, "KeyboardInterrupt"),
    "endless_loop": (AGREES, CRASHED, "TimedOut: no answer within 1 s"),
    "endless_and_deaf": (AGREES, CRASHED, "TimedOut: no answer within 1 s"),
    "deadlock": (AGREES, CRASHED, "TimedOut: no answer within 1 s"),
    "eats_memory": (AGREES, CRASHED, "MemoryExceeded: more than 0.25 GiB of memory in use"),
    "prints_gigabytes": (AGREES, CRASHED, "PrintedTooMuch: more than 64 MiB were printed in one call"),
    "answers_gigabytes": (AGREES, CRASHED, "MemoryExceeded: more than 0.25 GiB of memory in use"),
    "recurses": (AGREES, CRASHED, ""),
    "closes_all": (AGREES, CRASHED, ""),
    "writes_everywhere": (AGREES, CRASHED, "Garbled: "),
    "crashes_on_large": (AGREES, CRASHED, "SIGSEGV"),
    "forks": (AGREES, HELD, ""),
    "hurts_libraries": (AGREES, HELD, ""),
    "reseeds": (WORLD, BROKEN, "the generator of numpy.random"),
    "sets_environment": (WORLD, BROKEN, "the environment: SOME_SWITCH (was None, is '1')"),
    "raises_on_warnings": (WORLD, BROKEN, "the filters for warnings"),
    "raises_on_overflow": (WORLD, BROKEN, "numpy.seterr: over (was 'ignore', is 'raise')"),
    "moves_away": (WORLD, BROKEN, "the working directory"),
    "leaves_threads": (WORLD, BROKEN, "a thread left running (Thread-N (sleep))"),
    "sets_default_dtype": (WORLD, BROKEN, "torch's default dtype (was torch.float32, is torch.float64)"),
    "loses_the_device": (AGREES, CRASHED, "device-side assert") if has_cuda() else ("", ABSENT, "no cuda device"),
    "dies_at_import": ("", ABSENT, "its import failed: Exited: the process ended with exit status 5"),
}
"""Plug-in -> a law, its verdict, and what is said."""


LIMITS = {
    "endless_loop": ("--timeout", "1"),
    "endless_and_deaf": ("--timeout", "1"),
    "deadlock": ("--timeout", "1"),
    "eats_memory": ("--timeout", "60", "--memory", "0.25"),
    "answers_gigabytes": ("--timeout", "60", "--memory", "0.25"),
}
"""Those that a run waits for; those that need little memory, and much time to fill it, to be stopped."""
REDUCED = "crashes_on_large"
"""The one whose counterexample is made small: each further call costs a process, and is left out for the others."""
NEEDS_TORCH = {"sets_default_dtype", "loses_the_device"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[int], list[Record]]:
    """Runs over all of them, by law and limits, the healthy one in their midst: the exit codes and verdicts."""
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for name in EXPECTED.keys() - {REDUCED} - (set() if has_torch() else NEEDS_TORCH):
        groups.setdefault((EXPECTED[name][0] or AGREES, LIMITS.get(name, ("--timeout", "2"))), {"healthy"}).add(name)
    folder = tmp_path_factory.mktemp("hostile")
    found = [checked({REDUCED}, folder / "reduced.jsonl", AGREES)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(minimise, "CALLS", 1)
        for number, ((law, limits), names) in enumerate(groups.items()):
            found.append(checked(names, folder / f"{number}.jsonl", law, *limits))
    return {code for code, _ in found}, [record for _, records in found for record in records]


def checked(names: set[str], records: Path, law: str, *limits: str) -> tuple[int, list[Record]]:
    """The exit code, and the verdicts, of a check of one law."""
    chosen = ("-c", "residual", "-l", law, "--dtype", "float32", "--quick", "--examples", "0")
    targets = [str(HOSTILE / f"{name}.py") for name in sorted(names)]
    with pytest.raises(SystemExit) as exited:
        main(["check", *targets, *chosen, *limits, "--json", str(records)])
    return int(exited.value.code or 0), [record for record in read(records) if record.kind == "verdict"]


def of(name: str, records: list[Record]) -> list[Record]:
    """The verdicts on one plug-in: by its name, or by its file, if nothing was found there."""
    return [r for r in records if r.implementation in (name.replace("_", " "), str(HOSTILE / f"{name}.py"))]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_gets_its_verdict(name: str, run: tuple[set[int], list[Record]]) -> None:
    law, verdict, said = EXPECTED[name]
    if name in NEEDS_TORCH and not has_torch():
        pytest.skip("no torch")
    (record,) = (record for record in of(name, run[1]) if record.law == law)
    assert (record.verdict, said in record.message) == (verdict, True), record.message
    assert (record.counterexample is not None) == record.bad


def test_the_healthy_one_is_unaffected(run: tuple[set[int], list[Record]]) -> None:
    codes, records = run
    assert {(record.law, record.verdict) for record in of("healthy", records)} == {(AGREES, HELD), (WORLD, HELD)}
    assert codes == {1}


def test_counterexample_is_made_small_through_crashes(run: tuple[set[int], list[Record]]) -> None:
    """One number is left, the smallest whole one that kills the process; and where it died is told."""
    (record,) = (record for record in of("crashes_on_large", run[1]) if record.law == AGREES)
    assert record.counterexample is not None
    x, other = record.counterexample["arguments"].values()
    assert not other.any()
    assert (x != 0).sum() == 1
    assert "crashes_on_large.py" in record.counterexample["traceback"]


def test_import_that_hangs_is_absent_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "IMPORTING", 1.0)
    with pytest.raises(SystemExit) as exited:
        main(["check", str(HOSTILE / "hangs_at_import.py"), "--timeout", "1"])
    assert exited.value.code == 2
    assert "its import failed: TimedOut: no answer within 1 s" in capsys.readouterr().out


MASKED = """
import ctypes
import numpy as np
from veriformer import Implementation
impl = Implementation("masked")
@impl.component
def softmax(x, *, mask=None):
    if mask is not None and not mask.any(-1).all():
        ctypes.string_at(0)
    e = np.exp(np.where(True if mask is None else mask, x, -np.inf) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
"""


def test_who_dies_where_a_convention_is_asked_for_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that depend on an open convention are not judged; that must not hide a crash."""
    target = tmp_path / "masked.py"
    target.write_text(MASKED)
    with pytest.raises(SystemExit) as exited:
        main(["check", str(target), "--dtype", "float32", "--quick", "--examples", "0", "-l", "rows_sum_to_one"])
    assert exited.value.code == 1
    assert "fully_masked: SIGSEGV: the process was killed by signal 11" in capsys.readouterr().out
