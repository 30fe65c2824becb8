"""Bugs of gradient accumulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.bugs.bug import Bug

Named = dict[str, np.ndarray]

GA02 = Bug(
    "GA02",
    "gradient_accumulation",
    "https://github.com/unslothai/unsloth-zoo/pull/1023",
    "Divided by the number of tokens, and again by the number of micro-batches.",
)


@GA02.in_numpy()
def divided_twice(gradient_sums: Sequence[Named], counts: Sequence[int]) -> Named:
    total = sum(counts)
    return {
        name: sum(part[name] / total for part in gradient_sums) / len(gradient_sums)  # type: ignore[misc]
        for name in gradient_sums[0]
    }


GA03 = Bug(
    "GA03",
    "gradient_accumulation",
    "https://github.com/ml-explore/mlx-lm/pull/1413",
    "Micro-batches are applied by twos, and what is left over at the end is never applied.",
)
STEPS = 2


@GA03.in_numpy()
def last_window_lost(gradient_sums: Sequence[Named], counts: Sequence[int]) -> Named:
    applied, pending = ({name: np.zeros_like(g) for name, g in gradient_sums[0].items()} for _ in range(2))
    for step, part in enumerate(gradient_sums, 1):
        pending = {name: pending[name] + g for name, g in part.items()}
        if step % STEPS == 0:
            applied = {name: applied[name] + g for name, g in pending.items()}
            pending = {name: np.zeros_like(g) for name, g in pending.items()}
    return {name: g / sum(counts) for name, g in applied.items()}


BUGS = (GA02, GA03)
