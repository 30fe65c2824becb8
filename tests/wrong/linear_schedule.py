"""Wrong linear schedules: each breaks the law that it is named after."""

from __future__ import annotations

from veriformer.impls.numpy.linear_schedule import linear_schedule


def agrees_with_the_spec(step: int, *, warmup: int, total: int) -> float:
    """The step counter starts at 0, and 1 is added to it."""
    return linear_schedule(step + 1, warmup=warmup, total=total)


_before: dict[str, int] = {}


def a_second_call_after_other_shapes_answers_the_same(step: int, *, warmup: int, total: int) -> float:
    """The number of steps is the last call's: it is renewed too late."""
    last = _before.get("total", total)
    _before["total"] = total
    return linear_schedule(step, warmup=warmup, total=max(last, warmup + 1))


def is_linear_in_the_warm_up(step: int, *, warmup: int, total: int) -> float:
    """The rise is multiplied by the decay."""
    share = linear_schedule(step, warmup=warmup, total=total)
    return share * (1 - step / total) if step < warmup else share


def is_linear_in_the_decay(step: int, *, warmup: int, total: int) -> float:
    """It falls along a parabola."""
    share = linear_schedule(step, warmup=warmup, total=total)
    return share if step < warmup else share**2


def the_peak_is_one(step: int, *, warmup: int, total: int) -> float:
    """The decay starts from the first step: step `warmup` comes late."""
    return step / warmup if step < warmup else max(0.0, (total - step) / total) - 1 / (2 * total)


def no_rate_is_above_the_peak(step: int, *, warmup: int, total: int) -> float:
    """Steps of the warm-up are divided by one less."""
    return step / max(warmup - 1.5, 0.5) if step < warmup else linear_schedule(step, warmup=warmup, total=total)


def nothing_is_left_after_the_end(step: int, *, warmup: int, total: int) -> float:
    """Not cut off: the rate becomes negative."""
    return step / warmup if step < warmup else (total - step) / (total - warmup)
