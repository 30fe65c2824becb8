"""linear_schedule: a share of the learning rate that rises linearly, and then falls linearly to nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import linear_schedule as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.rising)
def rising(step: Any, warmup: Any) -> Any:
    """step / warmup."""
    return step / warmup


@Part
@bounded_by(bound.falling)
def falling(step: Any, warmup: Any, total: Any) -> Any:
    """What is left of the steps, over their number; nothing after the last."""
    return np.maximum((total - step) / (total - warmup), number(0, like=step))


@Part
def share(step: int, warmup: int, total: int, *, like: Any) -> Any:
    """One branch or the other."""
    t, w, last = (number(n, like=like) for n in (step, warmup, total))
    return rising(t, w) if step < warmup else falling(t, w, last)


@component(
    source="Devlin et al. 2019, appendix A.2; transformers.get_linear_schedule_with_warmup",
    honest=(
        Honest("1 - (1 - step / warmup) while it rises", "optax.linear_schedule(0, 1, warmup)"),
        Honest("(total - step) / (total - warmup), cut off at 0", "transformers.get_linear_schedule_with_warmup"),
        Honest("1 - (step - warmup) / (total - warmup), the step cut off at total", "optax.linear_schedule"),
    ),
)
def linear_schedule(step: int, *, warmup: int, total: int, like: Any = None) -> Any:
    """linear_schedule(step) = step / warmup before step `warmup`, then max(0, (total - step) / (total - warmup)).

    step, warmup: whole numbers from 0. total: above warmup. Returns the share of the largest rate, one number: a Python
    float, judged as what it stands for where the dtype is narrower, or an array without axes. like: an array (empty) that
    says which dtype and device are wanted, of an implementation that takes it.
    Corners: 0 at step 0, where there is a warm-up; 1 at step `warmup`; 0 from `total` on, never below.
    Raises ValueError for a negative step or warmup, or a total that is not above warmup.
    """
    require(step >= 0 and warmup >= 0, f"step {step} and warmup {warmup}: wanted numbers from 0")
    require(total > warmup, f"total {total}: wanted more steps than the {warmup} of the warm-up")
    return share(step, warmup, total, like=np.zeros(0) if like is None else like)


@share.slip("no warm-up")
def without_the_rise(step: int, warmup: int, total: int, *, like: Any) -> Any:
    return falling(*(number(n, like=like) for n in (max(step, warmup), warmup, total)))


@share.slip("not cut off: a negative rate after the last step")
def below_zero(step: int, warmup: int, total: int, *, like: Any) -> Any:
    if step <= total:
        return share(step, warmup, total, like=like)
    return -falling(*(number(n, like=like) for n in (2 * total - step, warmup, total)))


@share.slip("the decay, by step / total, in the warm-up too")
def falls_while_it_rises(step: int, warmup: int, total: int, *, like: Any) -> Any:
    if step >= warmup:
        return share(step, warmup, total, like=like)
    t, w, last = (number(n, like=like) for n in (step, warmup, total))
    return rising(t, w) * falling(t, number(0, like=like), last)
