"""Jobs: a run shared out over several processes, each with its own frameworks. The records are those of one process."""

from __future__ import annotations

import itertools
import multiprocessing
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty
from typing import Any

from veriformer.impls.discover import Found
from veriformer.impls.protocol import DTYPES
from veriformer.impls.spawned import leave_with_the_parent
from veriformer.properties import SUBJECTS
from veriformer.properties.conformance import WIDE, Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.record import Key, Record

GLANCE = 0.5
"""Seconds between two looks whether a process of the pool has failed."""


@dataclass(frozen=True)
class Job:
    """One component in one dtype, or the real model in one dtype, for all implementations of a run."""

    found: tuple[Found, ...]
    selection: Selection
    budget: Budget
    exit_first: bool
    known: Mapping[Key, Record]
    number: int
    component: str
    dtype: str
    real: bool = False

    def done(self) -> None:
        """Send each record when it is made; in the end how many truths could not be certified. In a process of its own."""
        suite = Suite(self.found, self.selection, self.budget, self.exit_first, known=self.known)
        for record in on_real_input(suite, self.dtype) if self.real else suite.group(self.component, self.dtype):
            SENT.queue.put((self.number, record))
            if self.exit_first and record.bad:
                break
        SENT.queue.put((self.number, suite.truths.uncertified))


class Sent:
    """Where the records of this process go."""

    queue: Any


SENT = Sent()


def begin(queue: Any) -> None:
    """What a process of the pool does first."""
    SENT.queue = queue
    leave_with_the_parent()


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


Keep = Callable[[Record], object]
"""What is done with each record when it is made, out of order where several processes make them."""


def forget(record: Record) -> None:
    """Nothing is kept."""


def in_one_process(suite: Suite, real: bool, keep: Keep = forget) -> Iterator[Record]:
    """Everything, one after the other."""
    for record in everything(suite, real):
        keep(record)
        yield record
        if suite.exit_first and record.bad:
            return


def everything(suite: Suite, real: bool) -> Iterator[Record]:
    """Searched inputs, then the real model's."""
    yield from suite.records()
    for dtype in real_dtypes(suite) if real else ():
        yield from on_real_input(suite, dtype)


def shared_out(suite: Suite, real: bool, workers: int, keep: Keep = forget) -> Iterator[Record]:
    """The records of `in_one_process`, in the same order, from several spawned processes."""
    for record in suite.preliminaries():
        keep(record)
        yield record
    for found in suite.found:
        found.close()
    common = (tuple(suite.found), suite.selection, suite.budget, suite.exit_first)
    groups = [(*group, False) for group in suite.groups()]
    groups += [("", dtype, True) for dtype in real_dtypes(suite)] if real else []
    jobs = [Job(*common, of_group(suite.known, *group[:2]), number, *group) for number, group in enumerate(groups)]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(queue,)) as pool:
        futures = [pool.submit(job.done) for job in in_turns(jobs)]
        arrivals = Arrivals(queue, futures, suite, keep)
        try:
            for job in jobs:
                broken = False
                for record in arrivals.of(job.number):
                    broken = broken or record.bad
                    yield record
                if suite.exit_first and broken:
                    return
        finally:  # whoever reads may stop too
            pool.shutdown(cancel_futures=True)


def in_turns(jobs: Sequence[Job]) -> list[Job]:
    """The real model first; then by turns one from the beginning, told next, and one from the end that takes long: no process
    waits in the end for one that began last."""
    rest = [job for job in jobs if not job.real]
    long = sorted(
        (job for job in reversed(rest) if SUBJECTS[job.component].stack), key=lambda job: job.dtype != "float32"
    )
    turns = itertools.chain.from_iterable(itertools.zip_longest(rest, long))
    wanted = (*(job for job in jobs if job.real), *filter(None, turns))
    return list({job.number: job for job in wanted}.values())


def of_group(known: Mapping[Key, Record], component: str, dtype: str) -> dict[Key, Record]:
    """What is known of one component in one dtype."""
    return {key: record for key, record in known.items() if (record.component, record.dtype) == (component, dtype)}


class Arrivals:
    """Records as they arrive from several processes, told job by job."""

    def __init__(self, queue: Any, futures: list[Future[None]], suite: Suite, keep: Keep) -> None:
        self.queue = queue
        self.futures = futures
        self.suite = suite
        self.keep = keep
        self.waiting: defaultdict[int, deque[Record]] = defaultdict(deque)
        self.over: set[int] = set()

    def of(self, number: int) -> Iterator[Record]:
        """The records of one job, until it is over."""
        while True:
            while self.waiting[number]:
                yield self.waiting[number].popleft()
            if number in self.over:
                return
            self.receive()

    def receive(self) -> None:
        """What arrives next. Raises what a process has raised."""
        try:
            number, what = self.queue.get(timeout=GLANCE)
        except Empty:
            for future in self.futures:
                if future.done() and not future.cancelled():
                    future.result()
            return
        if isinstance(what, Record):
            self.keep(what)
            self.waiting[number].append(what)
        else:
            self.suite.truths.uncertified += what
            self.over.add(number)
