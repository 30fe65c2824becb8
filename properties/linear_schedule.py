"""Laws of linear_schedule."""

from __future__ import annotations

from typing import Any

from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, Subject, not_above
from veriformer.properties.probes import Draw
from veriformer.properties.warmup_schedule import combined


def row(warmup: int, total: int, *steps: int) -> dict[str, Any]:
    """Sizes of one schedule, and the steps at which it is asked."""
    return {"warmup": warmup, "total": total, "steps": steps}


ROWS = (
    row(2, 6, 0, 1, 2, 3, 6, 7),
    row(1, 2, 0, 1, 2, 3),
    row(0, 5, 0, 1, 4, 5, 9),
    row(10, 100, 0, 1, 9, 10, 11, 55, 99, 100, 101, 120),
    row(3, 10, 1, 2, 3, 4, 9, 10, 11),
    row(10000, 1000000, 1, 9999, 10000, 10001, 505000, 999999, 1000000, 2000000),
    row(7, 8, 6, 7, 8, 9),
)


def draw(recipe: Draw) -> Case:
    """One of the steps of a schedule: the first, those about the peak and about the end, one far beyond."""
    step = int(recipe.rng("step").choice(recipe["steps"]))
    return Case((step,), {"warmup": recipe["warmup"], "total": recipe["total"]})


SUBJECT = Subject("linear_schedule", ROWS, draw, arrays=False)
law = SUBJECT.law


def at(case: Case, experiment: Experiment, *steps: int) -> list[Answer]:
    """The shares at some steps."""
    return [experiment.ask(case.replacing(0, n)) for n in steps]


@law("In the warm-up it rises by the same amount at each step.", rows=tuple(r for r in ROWS if r["warmup"] > 1))
def is_linear_in_the_warm_up(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(0) = 0, and f(n + 1) - 2 f(n) + f(n - 1) = 0 for 0 < n < warmup."""
    warmup = case.options["warmup"]
    first = combined("share at step 0", at(case, experiment, 0), (1.0,), 0.0)
    middles = sorted({1, warmup // 2, warmup - 1})
    bends = [combined(f"second difference at step {n}", at(case, experiment, n + 1, n, n - 1), (1, -2, 1), 0.0)
             for n in middles]  # fmt: skip
    return (first, *bends)


@law("After it, it falls by the same amount at each step.", rows=tuple(r for r in ROWS if r["total"] - r["warmup"] > 1))
def is_linear_in_the_decay(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(n + 1) - 2 f(n) + f(n - 1) = 0 for warmup < n < total."""
    warmup, total = case.options["warmup"], case.options["total"]
    middles = sorted({warmup + 1, (warmup + total) // 2, total - 1})
    return tuple(
        combined(f"second difference at step {n}", at(case, experiment, n + 1, n, n - 1), (1, -2, 1), 0.0)
        for n in middles
        if warmup < n < total
    )


@law("Its peak, at the end of the warm-up, is the whole rate.")
def the_peak_is_one(case: Case, experiment: Experiment) -> Evidence:
    """f(warmup) = 1."""
    return combined("share at the end of the warm-up", at(case, experiment, case.options["warmup"]), (1.0,), 1.0)


@law("No step has a higher rate than the last of the warm-up.")
def no_rate_is_above_the_peak(case: Case, experiment: Experiment) -> Evidence:
    """f(n) <= f(warmup) + both bounds."""
    here, peak = at(case, experiment, case.arguments[0], case.options["warmup"])
    return not_above("share", here.value, peak.value, here.bound + peak.bound, peak.scale)


@law("After the last step nothing is left, and it never falls below.")
def nothing_is_left_after_the_end(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(n) = 0 for n >= total."""
    total = case.options["total"]
    return tuple(
        combined(f"share at step {n}", at(case, experiment, n), (1.0,), 0.0) for n in (total, total + 1, 2 * total)
    )


INQUIRIES = ()
