"""The learning rate of the paper, with plain Python numbers: what a PyTorch optimizer takes as lr."""

from __future__ import annotations

from veriformer.impls import domain


def warmup_schedule(step: int, *, d_model: int, warmup: int) -> float:
    """d_model^-0.5 min(step^-0.5, step warmup^-1.5): rises up to step `warmup`, falls after it; steps count from 1."""
    domain.at_least(1, step=step, d_model=d_model, warmup=warmup)
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
