"""Laws of warmup_schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, Subject, not_above, relation
from veriformer.properties.probes import Draw
from veriformer.spec.numbers import Ball, number, working_precision


def row(d_model: int, warmup: int, *steps: int) -> dict[str, Any]:
    """Sizes of one schedule, and the steps at which it is asked."""
    return {"d_model": d_model, "warmup": warmup, "steps": steps}


ROWS = (
    row(4, 2, 1, 2, 3, 8),
    row(1, 1, 1, 2, 4),
    row(512, 4000, 1, 2, 3999, 4000, 4001, 16000, 100000),
    row(8, 3, 1, 2, 3, 4, 12),
    row(6, 10, 1, 5, 9, 10, 11, 1000),
    row(1024, 100, 1, 99, 100, 101, 12345678),
    row(300, 7, 1, 6, 7, 8, 28),
    row(64, 1, 1, 2, 3, 1000),
)


def draw(recipe: Draw) -> Case:
    """One of the steps of a schedule: the first, one on either side of the peak, one far beyond."""
    step = int(recipe.rng("step").choice(recipe["steps"]))
    return Case((step,), {"d_model": recipe["d_model"], "warmup": recipe["warmup"]})


SUBJECT = Subject("warmup_schedule", ROWS, draw, arrays=False)
law = SUBJECT.law


def at(case: Case, experiment: Experiment, *updates: int) -> list[Answer]:
    """The rates of the first, second, ... update, whatever number the implementation gives to the first."""
    first = 0 if experiment.conventions.get("counting") == "from_0" else 1
    return [experiment.ask(case.replacing(0, n - 1 + first)) for n in updates]


def combined(comparison: str, answers: Sequence[Answer], factors: Sequence[float], wanted: float) -> Evidence:
    """sum of factor times rate, beside what it must be; the factors are small whole numbers or powers of two."""
    rates = np.array([float(answer.value) for answer in answers])
    bounds = np.array([float(answer.bound) for answer in answers])
    sizes = np.abs(factors) * np.abs(rates)
    own = 2.0**-50 * sizes.sum()  # the products and the sum, in float64
    allowed = (np.abs(factors) * bounds).sum() + own
    return relation(comparison, (np.asarray(factors) * rates).sum(), wanted, allowed, sizes.max())


@law("In the warm-up it rises by the same amount at each step.", rows=tuple(r for r in ROWS if r["warmup"] != 1))
def is_linear_in_the_warm_up(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(n + 1) - 2 f(n) + f(n - 1) = 0 for n < warmup, and f(2) = 2 f(1)."""
    warmup = case.options["warmup"]
    one, two = at(case, experiment, 1, 2)
    doubled = combined("f(2) - 2 f(1)", (two, one), (1.0, -2.0), 0.0)
    middles = sorted({n for n in (2, warmup // 2, warmup - 1) if 1 < n < warmup})
    bends = [combined(f"second difference at step {n}", at(case, experiment, n + 1, n, n - 1), (1, -2, 1), 0.0)
             for n in middles]  # fmt: skip
    return (doubled, *bends)


@law("The two branches meet at the end of the warm-up.")
def is_continuous_where_the_branches_meet(case: Case, experiment: Experiment) -> tuple[Evidence, Evidence]:
    """f(warmup) = warmup f(1), from the left, and = 2 f(4 warmup), from the right."""
    warmup = case.options["warmup"]
    first, peak, later = at(case, experiment, 1, warmup, 4 * warmup)
    return (
        combined("warmup f(1) - f(warmup)", (first, peak), (float(warmup), -1.0), 0.0),
        combined("2 f(4 warmup) - f(warmup)", (later, peak), (2.0, -1.0), 0.0),
    )


@law("Its peak is (d_model warmup)^-0.5.")
def the_peak_is_one_over_the_root_of_d_model_times_warmup(case: Case, experiment: Experiment) -> Evidence:
    """f(warmup) = 1 / sqrt(d_model warmup), certified."""
    d_model, warmup = case.options["d_model"], case.options["warmup"]
    (peak,) = at(case, experiment, warmup)
    with working_precision(128):
        wanted = float((1 / np.sqrt(number(d_model * warmup, like=Ball(0)))).centres())
    return combined("rate at the end of the warm-up", (peak,), (1.0,), wanted)


@law("No step has a higher rate than the last of the warm-up.")
def no_rate_is_above_the_peak(case: Case, experiment: Experiment) -> Evidence:
    """f(n) <= f(warmup) + both bounds."""
    step = case.arguments[0]
    here, peak = at(case, experiment, step, case.options["warmup"])
    return not_above("rate", here.value, peak.value, here.bound + peak.bound, peak.scale)


@law("After the warm-up, four times the steps halve the rate.")
def falls_with_the_inverse_root_of_the_step(case: Case, experiment: Experiment) -> Evidence:
    """f(4 n) = f(n) / 2 for n >= warmup."""
    n = max(case.arguments[0], case.options["warmup"])
    return combined("2 f(4 n) - f(n)", at(case, experiment, 4 * n, n), (2.0, -1.0), 0.0)


INQUIRIES = ()
