"""Wrong schedules: each breaks the law that it is named after."""

from __future__ import annotations

from veriformer.impls.numpy.warmup_schedule import warmup_schedule


def agrees_with_the_spec(step: int, *, d_model: int, warmup: int) -> float:
    """The step counter starts at 0, and 1 is added to it."""
    return warmup_schedule(step + 1, d_model=d_model, warmup=warmup)


_before: dict[str, int] = {}


def a_second_call_after_other_shapes_answers_the_same(step: int, *, d_model: int, warmup: int) -> float:
    """The factor of d_model is the last call's: it is renewed too late."""
    last = _before.get("d_model", d_model)
    _before["d_model"] = d_model
    return warmup_schedule(step, d_model=last, warmup=warmup)


def is_linear_in_the_warm_up(step: int, *, d_model: int, warmup: int) -> float:
    """Steps are counted from 0 in the rising branch alone."""
    return d_model**-0.5 * min(step**-0.5, (step - 1) * warmup**-1.5)


def is_continuous_where_the_branches_meet(step: int, *, d_model: int, warmup: int) -> float:
    """warmup^-1 in the place of warmup^-1.5: the rate jumps down."""
    return d_model**-0.5 * (step / warmup if step <= warmup else step**-0.5)


def the_peak_is_one_over_the_root_of_d_model_times_warmup(step: int, *, d_model: int, warmup: int) -> float:
    """The factor of d_model is left out."""
    return warmup_schedule(step, d_model=1, warmup=warmup)


def no_rate_is_above_the_peak(step: int, *, d_model: int, warmup: int) -> float:
    """The larger of the two branches."""
    return d_model**-0.5 * max(step**-0.5, step * warmup**-1.5)


def falls_with_the_inverse_root_of_the_step(step: int, *, d_model: int, warmup: int) -> float:
    """It falls with the inverse of the step."""
    rate = warmup_schedule(step, d_model=d_model, warmup=warmup)
    return rate if step <= warmup else rate * (warmup / step) ** 0.5
