"""The run: enter the contestants, let pytest-benchmark time their turns, measure the limits, rank those that held."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from veriformer.bench.bench_components import CONTEST
from veriformer.bench.clock import ENOUGH, ENOUGH_WHEN_QUICK, REPEATS
from veriformer.bench.contest import Contest, enter
from veriformer.bench.machine import Limits, busy, environment, limits
from veriformer.bench.ranking import rank
from veriformer.bench.workloads import WORKLOADS, chosen
from veriformer.impls.protocol import Implementation, Misuse
from veriformer.record import Record

MODULE = "veriformer.bench.bench_components"
OTHERS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST")
"""Variables by which somebody else's pytest would reach into ours (xdist alone switches benchmarks off)."""
BUSY = 0.1
"""Share of the processors used by others from which on the timings are called disturbed."""
DISTURBED = (
    "disturbed: other programs kept {:.0%} of the processors busy; timings of code with several threads may be far "
    "too long (wait, or set OMP_NUM_THREADS=1, or OMP_WAIT_POLICY=passive, before anything is imported)"
)
TAIL = 4000
"""Characters of pytest's output that are shown when it failed."""


def bench(
    implementations: Sequence[Implementation],
    verdicts: Iterable[Record],
    *,
    components: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    repeats: int = REPEATS,
    quick: bool = False,
) -> list[Record]:
    """Time the implementations side by side: one `run` record, then a `timing` record per workload, device and
    implementation. Only what `verdicts` say has held is ranked; what cannot run is a record with the reason.

    components, devices: what to time (None: all; every device that an implementation lists). repeats: turns each.
    quick: the smallest workload of each component, with short samples.
    Raises Misuse on a component without a workload and on repeats below 1.
    """
    if repeats < 1:
        raise Misuse(f"repeats={repeats}: every contestant needs a turn, give 1 or more (5 for a noise band)")
    names = sorted({workload.component for workload in WORKLOADS})
    for component in components or ():
        if component not in names:
            raise Misuse(f"there is no workload for {component!r}; there are {', '.join(names)}")
    contest = enter(
        implementations,
        chosen(components, quick=quick),
        devices=devices,
        repeats=repeats,
        enough=ENOUGH_WHEN_QUICK if quick else ENOUGH,
    )
    others = busy()
    hold(contest)
    measured = measure(contest, quick=quick)
    return [run_record(contest, measured, others), *rank(contest, verdicts, measured)]


def measure(contest: Contest, *, quick: bool) -> dict[str, Limits]:
    """The limits of every device on which something was timed, reached by anybody's framework."""
    backends: dict[str, dict[str, None]] = {}
    for entry in contest.entries:
        if entry.samples:
            backends.setdefault(entry.device, {})[entry.implementation.backend] = None
    return {device: limits(device, names, quick=quick) for device, names in backends.items()}


def run_record(contest: Contest, measured: dict[str, Limits], others: float | None) -> Record:
    """The machine on which all this was timed, and whether others used it too."""
    found = {device: dataclasses.asdict(limit) for device, limit in measured.items()}
    return Record(
        kind="run",
        environment={**environment(), "limits": found, "repeats": contest.repeats, "busy": others},
        message=DISTURBED.format(others) if others is not None and others > BUSY else "",
    )


def hold(contest: Contest) -> None:
    """Run the turns under pytest-benchmark, with nobody's configuration and no trace in the user's folders."""
    if not contest.entries:
        return
    said = io.StringIO()
    bringer = Bringer(contest)
    with tempfile.TemporaryDirectory() as folder, undisturbed(), contextlib.redirect_stdout(said):
        code = pytest.main(arguments(Path(folder)), plugins=[bringer])
    if bringer.interrupted:
        raise KeyboardInterrupt
    missing = [entry for entry in contest.entries if not entry.refusal and len(entry.samples) != contest.repeats]
    if missing:
        raise RuntimeError(f"pytest ended with {code!r} before {missing[0]} was timed:\n{said.getvalue()[-TAIL:]}")


def arguments(folder: Path) -> list[str]:
    """What pytest is told: our one file, an empty configuration, everything that it writes into a folder of its own."""
    empty = folder / "pytest.ini"
    empty.write_text("[pytest]\n", encoding="utf-8")
    return [
        str(Path(__file__).with_name("bench_components.py")),
        f"--config-file={empty}",
        f"--rootdir={folder}",
        f"--basetemp={folder / 'temporary'}",
        f"--benchmark-storage=file://{folder / 'benchmarks'}",
        *("-p", "pytest_benchmark.plugin"),
        *("-p", "no:cacheprovider"),
        *("-p", "no:warnings"),
        "--noconftest",
        "--assert=plain",
        "--quiet",
    ]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No plugins but those named, no options from outside, no time lost on warnings; all is as before afterwards."""
    before = dict(os.environ)
    for name in OTHERS:
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Bringer:
    """A pytest plugin that brings the contest in, and the module under its own name (pytest would import a copy)."""

    def __init__(self, contest: Contest) -> None:
        self.contest = contest
        self.interrupted = False

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[CONTEST] = self.contest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> pytest.Module:
        module: pytest.Module = pytest.Module.from_parent(parent, path=module_path)
        module.obj = importlib.import_module(MODULE)
        return module

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True
