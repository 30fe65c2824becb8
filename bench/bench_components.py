"""Benchmarks of the components, one test a turn; `repeat` is the outermost parameter, so that contestants take turns.

    python -m pytest --import-mode=importlib bench/bench_components.py

shows pytest-benchmark's table for all installed implementations; `veriformer bench` runs the same tests and ranks.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from veriformer.bench.clock import REPEATS
from veriformer.bench.contest import Contest, Entry, enter
from veriformer.bench.workloads import chosen
from veriformer.impls.discover import find

CONTEST = pytest.StashKey[Contest]()
"""Where a run keeps its contest; a plain pytest run makes one of all installed implementations."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A B C A B C: all entries, workload by workload, and then all of them again."""
    contest = metafunc.config.stash.setdefault(CONTEST, Contest((), 0))
    if not contest.repeats:
        contest = metafunc.config.stash[CONTEST] = everyone()
    metafunc.parametrize("repeat", range(contest.repeats))
    metafunc.parametrize("entry", contest.entries, ids=str)


def everyone() -> Contest:
    """All installed implementations that can be imported."""
    found = [found.implementation for found in find("all") if found.implementation]
    return enter(found, chosen(), repeats=REPEATS)


def test_takes_its_turn(benchmark: BenchmarkFixture, repeat: int, entry: Entry) -> None:
    """One sample of one entry, waiting for the device; an entry that cannot run says why."""
    if entry.refusal:
        pytest.skip(str(entry.refusal))
    benchmark.group = f"{entry.workload.name}, {entry.device}"
    with entry.answering():
        run = entry.get_ready()
        benchmark.pedantic(run, rounds=1, iterations=entry.calls)
    if benchmark.enabled:
        entry.samples += benchmark.stats.stats.data
