"""Enclosure: bounded numbers with the float64 model hold the certified truth, on every component and kind of values; and
so do balls of floats.

Judging float64, the value that bounded numbers carry along is one of the honest computations. So its distance from the
truth must be within its own error, wherever it claims one: output by output, and gradient by gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import SUBJECTS
from veriformer.properties.formula import Question
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, NotJudged
from veriformer.properties.probes import KINDS, Draw
from veriformer.properties.seeds import seed_of
from veriformer.properties.truth import Balls, Truth
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

FLOAT64 = precision_of("float64")
CONVENTIONS: dict[str, Any] = {"fully_masked": "zero", "causal_alignment": "top_left"}
"""What is chosen where a formula is silent."""
SEEDS = (0, 1)
"""Draws of each kind in each size, in the whole measurement."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each component: how many numbers were compared, how many lie outside, and the largest share of an error used;
    how many of them are known in balls of floats, and in how many of those these exclude the truth.

    quick: one draw of each kind, in the smallest sizes alone.
    """
    return [of_component(component, quick) for component in COMPONENTS]


def of_component(component: str, quick: bool) -> dict[str, Any]:
    """The row of one component."""
    numbers = outside = unclaimed = known = excluded = 0
    worst = 0.0
    for _, truth in truths(component, KINDS, rows_of(component, quick), SEEDS[: 1 if quick else None]):
        claimed, shares = shares_used(truth)
        numbers += int(claimed.sum())
        unclaimed += int((~claimed).sum())
        outside += int((shares > 1).sum())
        worst = max(worst, float(shares.max(initial=0.0)))
        in_floats, apart = excluded_by_floats(truth)
        known += int(in_floats.sum())
        excluded += int(apart.sum())
    return {
        "component": component, "numbers": numbers, "outside": outside, "unclaimed": unclaimed, "largest share": worst,
        "known in floats": known, "excluded": excluded,
    }  # fmt: skip


def rows_of(component: str, quick: bool) -> list[int]:
    """The smallest sizes; all of those, that are not made for kernels, where one truth is cheap, if there is time."""
    rows, stack = SUBJECTS[component].rows, SUBJECTS[component].stack
    small = [i for i, row in enumerate(rows) if not row.get("kernel") and row.get("length", 1) <= 9]
    return small[: (1 if stack else 2) if quick else (4 if stack else None)]


def truths(component: str, kinds: Any, rows: list[int], seeds: tuple[int, ...]) -> Iterator[tuple[str, Truth]]:
    """Every output and gradient of these draws, and which one it is."""
    spec = COMPONENTS[component]
    conventions = {name: value for name, value in CONVENTIONS.items() if spec.convention(name)}
    for row in rows:
        for kind in kinds:
            for seed in seeds:
                case = drawn(component, row, kind, seed)
                if case is None:
                    continue
                cotangent = case.extra.get("cotangent")
                question = Question(spec, case.arguments, case.options, conventions, FLOAT64, case.aliases, cotangent)
                of = [(Balls(question.answered), question.outputs())]
                of += [] if cotangent is None else [(Balls(question.pulled), question.gradients())]
                for balls, found in of:
                    for index, (path, truth) in enumerate(found):
                        in_floats = balls.in_floats(index)
                        yield f"row {row}, {kind}, seed {seed}, {path}", replace(truth, in_floats=in_floats)


def drawn(component: str, row: int, kind: str, seed: int) -> Case | None:
    """A float64 case, with a cotangent where there are gradients; None where the draw makes none."""
    subject = SUBJECTS[component]
    words = ("bounds", component, row, kind, *([seed] if seed else []))
    recipe = Draw(subject.rows[row], kind, seed_of(*words), "float64", subject.top("float64"))
    try:
        case = subject.draw(recipe)
        return with_cotangent(case, recipe, component) if subject.differentiable else case
    except NotJudged:
        return None


def excluded_by_floats(truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Where balls of floats know something, and where these have no number in common with balls of 256 bits."""
    floats = truth.in_floats()
    if floats is None:
        return np.zeros(truth.bound.shape, bool), np.zeros(truth.bound.shape, bool)
    known, sharp = np.isfinite(floats.radii()), truth.formula(256)
    away = sharp.distances(np.where(known, floats.centres(), 0.0))
    return known, known & (away > floats.radii())


def shares_used(truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Where a finite error is claimed, and which share of it the float64 value uses there (0 elsewhere)."""
    claimed = np.isfinite(truth.bound)
    away = np.where(claimed, truth.distances(truth.value), 0.0)
    with np.errstate(all="ignore"):
        return claimed, np.where(away == 0, 0.0, away / np.where(claimed, truth.bound, np.inf))
