"""Bugs of the linear schedule."""

from __future__ import annotations

from tests.bugs.bug import Bug

LR03 = Bug(
    "LR03",
    "linear_schedule",
    "https://github.com/huggingface/transformers/issues/132",
    "The decay is not cut off: after the last step the rate is negative.",
)


@LR03.in_torch()
def negative_after_the_end(step: int, *, warmup: int, total: int) -> float:
    return step / warmup if step < warmup else (total - step) / (total - warmup)


LR04 = Bug(
    "LR04",
    "linear_schedule",
    "https://github.com/huggingface/transformers/issues/324",
    "The factor of the decay stands in the warm-up too, which then is not linear.",
)


@LR04.in_torch()
def decays_in_the_warm_up(step: int, *, warmup: int, total: int) -> float:
    return step / warmup * (1 - step / total) if step < warmup else max(0.0, (total - step) / (total - warmup))


BUGS = (LR03, LR04)
