"""Bugs of warm-up schedules."""

from __future__ import annotations

from tests.bugs.bug import DECLARED, Bug

LR02 = Bug(
    "LR02",
    "warmup_schedule",
    "https://github.com/tugstugi/pytorch-saltnet/issues/7",
    "max(1, epoch) in the place of epoch + 1: the first rate is used twice, and all others come late.",
    DECLARED,
    "PyTorch's schedulers, of which it is one, count from 0.",
)


@LR02.in_numpy(counting="from_0")
def first_rate_twice(step: int, *, d_model: int, warmup: int) -> float:
    step = max(1, step)
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


LR05 = Bug(
    "LR05",
    "warmup_schedule",
    "https://github.com/CUNY-CL/yoyodyne/pull/300",
    "The warm-up counts the step from 1, the decay after it from 0.",
    DECLARED,
    "PyTorch's LambdaLR, in which it runs, counts from 0.",
)


@LR05.in_numpy(counting="from_0")
def decays_from_zero(step: int, *, d_model: int, warmup: int) -> float:
    if step < warmup:
        return d_model**-0.5 * (step + 1) * warmup**-1.5
    return d_model**-0.5 * step**-0.5


BUGS = (LR02, LR05)
