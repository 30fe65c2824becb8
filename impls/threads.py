"""Threads: one thing done by several at the same time, switching as often as the interpreter can."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

ROUNDS = 4
"""How often each thread does it: a race is lost now and then, not always."""
SWITCH = 1e-6
"""Seconds after which another thread may go on; 5 ms, as it is set, is longer than a whole call."""


def at_once(count: int, work: Callable[[], Result]) -> list[Result]:
    """What each of so many threads got in each round, all of them started together. `work` raises nothing."""
    together = threading.Barrier(count)
    results: list[Result] = []

    def run() -> None:
        together.wait()
        results.extend(work() for _ in range(ROUNDS))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return results


@contextmanager
def switching_often() -> Iterator[None]:
    """The interpreter goes from thread to thread in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
