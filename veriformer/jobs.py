"""Jobs: a run shared out over several processes, each with its own frameworks. The records are those of one process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from veriformer.impls.protocol import DTYPES
from veriformer.properties.conformance import WIDE, Selection, Suite
from veriformer.properties.search import Budget
from veriformer.record import Record


@dataclass(frozen=True)
class Job:
    """One component in one dtype, or the real model in one dtype, for the implementations that some targets name."""

    targets: tuple[str, ...]
    selection: Selection
    budget: Budget
    exit_first: bool
    component: str
    dtype: str
    real: bool = False

    def done(self) -> tuple[list[Record], int]:
        """The records, and how many truths could not be certified. Runs in a process of its own."""
        from veriformer.run import found_in

        suite = Suite(found_in(self.targets), self.selection, self.budget, self.exit_first)
        records = []
        for record in on_real_input(suite, self.dtype) if self.real else suite.group(self.component, self.dtype):
            records.append(record)
            if self.exit_first and record.bad:
                break
        return records, suite.truths.uncertified


def on_real_input(suite: Suite, dtype: str) -> Iterator[Record]:
    """The records of the pretrained encoder in one dtype."""
    from veriformer.properties.real.judging import judge_real

    return judge_real(replace(suite, selection=replace(suite.selection, dtypes=(dtype,))))


def real_dtypes(suite: Suite) -> list[str]:
    """The dtypes in which the real model is judged: those asked for, or all wide ones that are offered (half types where no
    wider one is); the widest of them in a quick run."""
    offered = {dtype for one in suite.found if one.implementation for dtype in one.implementation.dtypes}
    asked = suite.selection.dtypes or offered.intersection(WIDE) or offered
    dtypes = [dtype for dtype in DTYPES if dtype in asked]
    return dtypes[:1] if suite.budget.quick else dtypes


def in_one_process(suite: Suite, real: bool) -> Iterator[Record]:
    """Everything, one after the other."""
    for record in suite.records():
        yield record
        if suite.exit_first and record.bad:
            return
    for dtype in real_dtypes(suite) if real else ():
        yield from on_real_input(suite, dtype)


def shared_out(suite: Suite, targets: Sequence[str], real: bool, workers: int) -> Iterator[Record]:
    """The records of `in_one_process`, in the same order, from several spawned processes."""
    yield from suite.preliminaries()
    common = (tuple(targets), suite.selection, suite.budget, suite.exit_first)
    searched = [Job(*common, *group) for group in suite.groups()]
    longest = [Job(*common, "", dtype, real=True) for dtype in real_dtypes(suite)] if real else []
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        last = [pool.submit(job.done) for job in longest]  # begun first, told last: no worker waits for it in the end
        for future in [pool.submit(job.done) for job in searched] + last:
            records, uncertified = future.result()
            suite.truths.uncertified += uncertified
            yield from records
            if suite.exit_first and any(record.bad for record in records):
                pool.shutdown(cancel_futures=True)
                return
