"""Speed: judged examples in a second of one core, everything included, for attention in float32 on NumPy."""

from __future__ import annotations

import cProfile
import pstats
import time
import timeit
from collections.abc import Iterator, Sequence
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
"""In a second of one core, on a machine on which the yardstick is 8 microseconds; where it is longer, so much less."""
YARDSTICK = 8.0
ROUNDS, EXAMPLES = 10, 600
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
    """Sweep, the same once more with every truth known, and the random phase; the best of several rounds of CPU time. No
    other framework is loaded in the process, as none is in the judge's: what is judged runs elsewhere."""
    return shared_out(timed, [(quick,)])


def timed(quick: bool) -> list[dict[str, Any]]:
    """All figures, in one process."""
    door = open_door(impl, "float32", "cpu")
    settled = settle(door, COMPONENT, INQUIRIES, fits, Truths())
    law = next(law for law in LAWS[COMPONENT] if law.name == LAW)
    best = {"sweep": 0.0, "sweep, truths known": 0.0, "random": 0.0}
    shortest = float("inf")
    for seed in range(1 if quick else ROUNDS):
        truths = Truths(capacity=100_000)
        budget = Budget(0, seed=seed)
        shortest = min(shortest, yardstick())
        swept, seconds = run(law, door, budget, settled, truths)
        best["sweep"] = max(best["sweep"], swept / seconds)
        again, seconds_again = run(law, door, budget, settled, truths)
        best["sweep, truths known"] = max(best["sweep, truths known"], again / seconds_again)
        both, seconds = run(law, door, Budget(60 if quick else EXAMPLES, seed=seed), settled, truths)
        best["random"] = max(best["random"], (both - swept) / (seconds - seconds_again))
    wanted = wanted_here(shortest)
    figures = [{"figure": name, "per_second": rate, "wanted": wanted.get(name)} for name, rate in best.items()]
    return [{"figure": "yardstick", "microseconds": shortest}, *figures, *shares(law, door, settled)]


def wanted_here(microseconds: float) -> dict[str, float]:
    """What is wanted on a machine with this yardstick: on a faster one no more than was asked for."""
    return {name: min(1.0, YARDSTICK / microseconds) * rate for name, rate in WANTED.items()}


def yardstick() -> float:
    """How long this machine takes, in microseconds of CPU time, for what is mostly calls of NumPy, as judging is: the formula
    of attention in float64, four queries, keys and values of four numbers. The shortest of several times."""
    x = np.random.default_rng(0).standard_normal((4, 4))

    def formula() -> np.ndarray:
        e = np.exp(x @ np.swapaxes(x, -1, -2) / np.sqrt(x.shape[-1]))
        return np.asarray(e / e.sum(-1, keepdims=True) @ x)

    calls = 500
    return min(timeit.repeat(formula, timer=time.process_time, number=calls, repeat=20)) / calls * 1e6


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
    """What must hold and does not: the rates, in a quick run only that something is judged at all, since the machine may be
    shared; and no time is counted twice."""
    for one in rows:
        if one.get("wanted") and one["per_second"] < (1 if quick else one["wanted"]):
            yield f"{one['figure']}: {one['per_second']:.0f} judged examples in a second, wanted {one['wanted']:.0f}"
        if not 0 <= one.get("share", 0) <= 1:
            yield f"{one['figure']}: {100 * one['share']:.0f} % of the time"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """The figures, and what bounds them."""
    (yard,) = (one["microseconds"] for one in rows if "microseconds" in one)
    rated = [one for one in rows if "per_second" in one]
    rates = [
        (
            one["figure"],
            round(one["per_second"]),
            round(one["wanted"]) if one["wanted"] else "-",
            WANTED.get(one["figure"], "-"),
        )
        for one in rated
    ]
    parts = [(one["figure"], f"{100 * one['share']:.0f} %") for one in rows if "share" in one]
    there = f"wanted where the yardstick is {YARDSTICK:.0f} microseconds"
    heads = ("phase", "judged examples in a second of one core", "wanted here", there)
    said = f"Yardstick: {yard:.1f} microseconds, for attention of four queries, keys and values as one line of NumPy."
    return f"{said}\n\n{table(heads, rates)}\n\nWhat bounds the sweep:\n\n{table(('part', 'share of the time'), parts)}"
