"""Speed: judged examples in a second of one core, everything included, for attention in float32 on NumPy."""

from __future__ import annotations

import cProfile
import pstats
import time
import timeit
from collections.abc import Iterator, Sequence
from statistics import mean, median
from typing import Any

import numpy as np

from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer.impls.numpy import impl
from veriformer.impls.protocol import Door
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.judge import fits, judge
from veriformer.properties.law import Law
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled, settle
from veriformer.properties.truth import Truths

TITLE = "Speed"
COMPONENT, LAW = "attention", "agrees_with_the_spec"
WANTED = {"sweep": 1000, "random": 300}
"""In a second of one core, on a machine on which the yardstick is 8 microseconds."""
YARDSTICK = 8.0
ROUNDS, EXAMPLES = 10, 600
CALLS = 5000
"""Of the yardstick, before and after each phase: a twentieth of a second."""
PARTS = {
    "certifying the truth in balls": ("truth.py", "enclosure"),
    "deriving the bound": ("truth.py", "certified"),
    "asking the implementation": ("worker.py", "ask"),
    "drawing inputs": ("drawn.py", "drawn"),
    "weighing the evidence": ("judge.py", "weigh"),
    "telling questions apart": ("formula.py", "key"),
}
"""What a second goes to, and the function that stands for it."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """Sweep, the same once more with every truth known, and the random phase: medians of several rounds, in CPU time. No other
    framework is loaded in the process, as none is in the judge's: what is judged runs elsewhere."""
    return shared_out(timed, [(quick,)])


def timed(quick: bool) -> list[dict[str, Any]]:
    """All figures, in one process. Others use the machine too, and what it does in a second varies by half: each rate is taken
    beside a yardstick of the same moment, and it is the product that must be large enough."""
    door = open_door(impl, "float32", "cpu")
    settled = settle(door, COMPONENT, INQUIRIES, fits, Truths())
    law = next(law for law in LAWS[COMPONENT] if law.name == LAW)
    found: dict[str, list[tuple[float, float]]] = {"sweep": [], "sweep, truths known": [], "random": []}
    for seed in range(1 if quick else ROUNDS):
        truths = Truths(capacity=100_000)
        yards = [yardstick()]
        swept, seconds = run(law, door, Budget(0, seed=seed), settled, truths)
        yards.append(yardstick())
        found["sweep"].append((swept / seconds, mean(yards)))
        again, seconds_again = run(law, door, Budget(0, seed=seed), settled, truths)
        yards.append(yardstick())
        found["sweep, truths known"].append((again / seconds_again, mean(yards[1:])))
        both, seconds = run(law, door, Budget(60 if quick else EXAMPLES, seed=seed), settled, truths)
        yards.append(yardstick())
        found["random"].append(((both - swept) / (seconds - seconds_again), mean(yards[2:])))
    figures = [
        {
            "figure": name,
            "microseconds": median(yard for _, yard in pairs),
            "per_second": median(rate for rate, _ in pairs),
            "at_the_yardstick": median(rate * worth(yard) for rate, yard in pairs),
            "wanted": WANTED.get(name),
        }
        for name, pairs in found.items()
    ]
    return [*figures, *shares(law, door, settled)]


def worth(microseconds: float) -> float:
    """How many times more is done in a second where the yardstick is 8 microseconds; where it is less, nothing is taken off."""
    return max(1.0, microseconds / YARDSTICK)


def yardstick() -> float:
    """How long this machine takes just now, in microseconds of CPU time, for what is mostly calls of NumPy, as judging is: the
    formula of attention in float64, four queries, keys and values of four numbers."""
    x = np.random.default_rng(0).standard_normal((4, 4))

    def formula() -> np.ndarray:
        e = np.exp(x @ np.swapaxes(x, -1, -2) / np.sqrt(x.shape[-1]))
        return np.asarray(e / e.sum(-1, keepdims=True) @ x)

    return timeit.timeit(formula, timer=time.process_time, number=CALLS) / CALLS * 1e6


def run(law: Law, door: Door, budget: Budget, settled: Settled, truths: Truths) -> tuple[int, float]:
    """Judged cases and seconds of CPU time."""
    started = time.process_time()
    record = judge(law, door, budget, settled=settled, truths=truths)
    return record.judged, time.process_time() - started


def shares(law: Law, door: Door, settled: Settled) -> list[dict[str, Any]]:
    """What bounds it: the share of each part of a sweep, by cProfile."""
    profile = cProfile.Profile()
    profile.enable()
    judge(law, door, Budget(0, seed=ROUNDS), settled=settled, truths=Truths())  # what was drawn before is known
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(entry[2] for entry in stats.values())
    rows = []
    for name, (file, function) in PARTS.items():
        # of two functions of that name one runs inside the other
        spent = max(entry[3] for key, entry in stats.items() if key[0].endswith(f"/{file}") and key[2] == function)
        rows.append({"figure": name, "share": spent / total})
    return [*rows, {"figure": "everything else", "share": 1 - sum(row["share"] for row in rows)}]


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: the rates, in a quick run only that something is judged at all, since one round says little;
    and no time is counted twice."""
    for one in rows:
        if one.get("wanted") and one["at_the_yardstick"] < (1 if quick else one["wanted"]):
            said = f"{one['figure']}: {one['at_the_yardstick']:.0f} judged examples in a second"
            yield f"{said} where the yardstick is {YARDSTICK:.0f} microseconds, wanted {one['wanted']:.0f}"
        if not 0 <= one.get("share", 0) <= 1:
            yield f"{one['figure']}: {100 * one['share']:.0f} % of the time"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """The figures, and what bounds them."""
    rates = [
        (
            one["figure"],
            round(one["per_second"]),
            f"{one['microseconds']:.1f}",
            round(one["at_the_yardstick"]),
            one["wanted"] or "-",
        )
        for one in rows
        if "per_second" in one
    ]
    parts = [(one["figure"], f"{100 * one['share']:.0f} %") for one in rows if "share" in one]
    there = f"where it is {YARDSTICK:.0f} microseconds"
    heads = ("phase", "judged examples in a second of one core", "yardstick, microseconds", there, "wanted there")
    said = "Yardstick: attention of four queries, keys and values as one line of NumPy, before and after each phase; medians."
    return f"{said}\n\n{table(heads, rates)}\n\nWhat bounds the sweep:\n\n{table(('part', 'share of the time'), parts)}"
