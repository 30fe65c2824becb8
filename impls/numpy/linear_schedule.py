"""A linear rise and fall of the learning rate, with plain Python numbers."""

from __future__ import annotations

from veriformer.impls import domain


def linear_schedule(step: int, *, warmup: int, total: int) -> float:
    """step / warmup up to step `warmup`, then (total - step) / (total - warmup), and 0 from step `total` on."""
    domain.at_least(0, step=step, warmup=warmup)
    domain.at_least(warmup + 1, total=total)
    return step / warmup if step < warmup else max(0.0, (total - step) / (total - warmup))
