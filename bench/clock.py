"""The clock: how often to call so that one sample can be trusted, and what a handful of samples says.

A *sample* is the mean time of one call, over a batch of calls that lasts far longer than the clock's tick. Contestants
take turns, A B C A B C, one sample a turn, so that what the machine does meanwhile (a warm processor, a busy neighbour)
happens to all of them: turn i of A is compared with turn i of B, and never with another run.
"""

from __future__ import annotations

import contextlib
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

TICKS = 10_000
"""A sample lasts at least so many ticks of the clock: reading it twice then adds less than 1 part in 5,000."""
ENOUGH = 0.02
"""Seconds that a sample lasts at least: some time slices of the operating system."""
ENOUGH_WHEN_QUICK = 0.002
REPEATS = 5
"""Turns of each contestant, if nobody asks for another number: the fewest that give the noise band its confidence."""
WARM_UP = 2
"""Calls before the first sample: compilation, caches, thread pools. The second meets what the first has set up."""
GROWTH = 10
"""The batch grows at most so much at a time: the first, short batches say little."""
CONFIDENCE = 0.9
"""How often the noise band holds the true ratio, if there are turns enough (five) to say so."""


@dataclass(frozen=True)
class Spread:
    """The middle of some samples, and how far the middle half of them is spread."""

    median: float
    iqr: float


def spread(samples: Sequence[float]) -> Spread:
    """Median and interquartile range (quartiles interpolated, so that 1 2 3 4 5 has quartiles 2 and 4)."""
    if len(samples) == 1:
        return Spread(samples[0], 0.0)
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(middle, high - low)


def band(samples: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest ratio samples / others that the noise leaves possible, from turns taken side by side.

    Let r_i be the ratio in turn i. The true median of r lies outside [k-th smallest, k-th largest] of n independent
    turns with probability 2 * 2^-n * sum_{j < k} C(n, j) (the sign test; nothing is assumed of the noise). The band is
    the narrowest with CONFIDENCE, and all turns where there are fewer than five. It holds the ratio of the medians too.
    """
    ratios = sorted(sample / other for sample, other in zip(samples, others, strict=True))
    left_out = 0
    while 2 * (left_out + 1) < len(ratios) and confidence(len(ratios), left_out + 1) >= CONFIDENCE:
        left_out += 1
    middle = statistics.median(samples) / statistics.median(others)
    return min(ratios[left_out], middle), max(ratios[-1 - left_out], middle)


def confidence(turns: int, left_out: int = 0) -> float:
    """How probably a median lies between the sorted samples, when so many are left out at either end."""
    return 1 - 2.0 ** (1 - turns) * sum(math.comb(turns, j) for j in range(left_out + 1))


def tick() -> float:
    """The resolution of the clock in seconds."""
    return time.get_clock_info("perf_counter").resolution


@contextlib.contextmanager
def still() -> Iterator[None]:
    """No garbage collection meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def elapsed(run: Callable[[], object], calls: int = 1) -> float:
    """Seconds that so many calls take."""
    with still():
        started = time.perf_counter()
        for _ in range(calls):
            run()
        return time.perf_counter() - started


def warm_up(run: Callable[[], object]) -> None:
    """Call until nothing happens for the first time any more."""
    for _ in range(WARM_UP):
        run()


def calls_per_sample(run: Callable[[], object], *, enough: float = ENOUGH) -> int:
    """How many calls make one sample: so many that they last `enough` seconds, and TICKS ticks."""
    wanted = max(enough, TICKS * tick())
    calls = 1
    while (seconds := elapsed(run, calls)) < wanted:
        growth = min(GROWTH, wanted / seconds) if seconds else GROWTH
        calls = max(calls + 1, math.ceil(calls * growth))
    return calls
