"""Honest linear schedules in float32 stay within the derived bound, whichever way they are computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from veriformer.properties.formula import Question
from veriformer.properties.linear_schedule import ROWS
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

F32 = np.float32
Schedule = Callable[[np.float32, np.float32, np.float32], np.float32]


def what_is_left(step: np.float32, warmup: np.float32, total: np.float32) -> np.float32:
    """transformers.get_linear_schedule_with_warmup."""
    return np.maximum((total - step) / (total - warmup), F32(0))


def one_less_what_is_over(step: np.float32, warmup: np.float32, total: np.float32) -> np.float32:
    """optax.linear_schedule: the step cut off, then 1 minus its share."""
    return F32(1) - np.minimum(step - warmup, total - warmup) / (total - warmup)


def by_the_reciprocal(step: np.float32, warmup: np.float32, total: np.float32) -> np.float32:
    """One division for all steps."""
    return np.maximum((total - step) * (F32(1) / (total - warmup)), F32(0))


def shared(step: np.float32, warmup: np.float32) -> np.float32:
    """The formula."""
    return step / warmup


def one_less_what_is_missing(step: np.float32, warmup: np.float32) -> np.float32:
    """optax.linear_schedule(0, 1, warmup): from 0 to 1 as (0 - 1) (1 - step / warmup) + 1."""
    return F32(-1) * (F32(1) - step / warmup) + F32(1)


@pytest.mark.parametrize("rising", [shared, one_less_what_is_missing])
@pytest.mark.parametrize("falling", [what_is_left, one_less_what_is_over, by_the_reciprocal])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['warmup']} of {row['total']}")
def test_is_within_the_bound(
    row: dict[str, int], falling: Schedule, rising: Callable[[np.float32, np.float32], np.float32]
) -> None:
    warmup, total = row["warmup"], row["total"]
    for step in {*row["steps"], *np.linspace(0, 2 * total, 40, dtype=int).tolist()}:  # type: ignore[misc]
        question = Question(
            COMPONENTS["linear_schedule"], (step,), {"warmup": warmup, "total": total}, {}, precision_of("float32")
        )
        truth = question.outputs()[0][1]
        given = F32(step), F32(warmup), F32(total)
        share = rising(*given[:2]) if step < warmup else falling(*given)
        assert truth.distances(np.asarray(share)) <= truth.bound
