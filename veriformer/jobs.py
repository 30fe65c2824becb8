"""Jobs: a run shared out over several processes, each with its own frameworks. The records are those of one process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from veriformer.properties.conformance import Selection, Suite, is_bad
from veriformer.properties.search import Budget
from veriformer.record import Record


@dataclass(frozen=True)
class Job:
    """One component in one dtype, for the implementations that some targets name."""

    targets: tuple[str, ...]
    selection: Selection
    budget: Budget
    exit_first: bool
    component: str
    dtype: str

    def done(self) -> tuple[list[Record], int]:
        """The records, and how many truths could not be certified. Runs in a process of its own."""
        from veriformer.run import found_in

        suite = Suite(found_in(self.targets), self.selection, self.budget, self.exit_first)
        records = []
        for record in suite.group(self.component, self.dtype):
            records.append(record)
            if self.exit_first and is_bad(record):
                break
        return records, suite.truths.uncertified


def shared_out(suite: Suite, targets: Sequence[str], workers: int) -> Iterator[Record]:
    """The records of `suite.records()`, in the same order, from several spawned processes."""
    yield from suite.preliminaries()
    jobs = [Job(tuple(targets), suite.selection, suite.budget, suite.exit_first, *group) for group in suite.groups()]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for records, uncertified in pool.map(Job.done, jobs):
            suite.truths.uncertified += uncertified
            yield from records
            if suite.exit_first and any(map(is_bad, records)):
                pool.shutdown(cancel_futures=True)
                return
