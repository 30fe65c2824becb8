"""How far an honest linear schedule may land from the truth."""

from __future__ import annotations

import numpy as np

from veriformer.spec.numbers.bounded import Bounded


def rising(step: Bounded, warmup: Bounded) -> Bounded:
    """t / w, or t times the reciprocal of w, and what rounds t and w; or 1 - (1 - t / w).

    The latter rounds 1 - t / w, at most 1, by u at most, and the difference from 1 by u of what is left: that loses all but
    the first digits of an early step. At step 0 each way is exact.
    """
    u, quotient = step.precision.step.u, step.precision.quotient
    with np.errstate(all="ignore"):
        value = step.value / warmup.value
        given = step.error / np.maximum(np.abs(step.value), 1.0) + warmup.error / np.abs(warmup.value)
        error = np.abs(value) * np.expm1(2 * given + (quotient + 1) * u) + np.where(value == 0, 0.0, u)
        return step.of(value, error)


def falling(step: Bounded, warmup: Bounded, total: Bounded) -> Bounded:
    """(T - t) / (T - w), or 1 - (t - w) / (T - w), t cut off at T, the result at 0.

    Either is a quotient q of two differences, each rounded, in [0, 1], and 1 - q where it is formed: with d = T - w at most
    (e_T + e_t) / d + (e_T + e_w) / d for the arguments, 2 u for the differences, c_div u + u for a reciprocal and a product,
    and 1 u for 1 - q. Twice what the arguments do covers the terms of second order; cutting off moves nothing away from the
    truth.
    """
    roundings = (step.precision.quotient + 3) * step.precision.step.u
    with np.errstate(all="ignore"):
        length = total.value - warmup.value
        value = np.clip((total.value - step.value) / length, 0.0, 1.0)
        given = (2 * total.error + step.error + warmup.error) / length
        error = np.where(given < 0.25, np.expm1(roundings) + 2 * given, np.inf)
    return step.of(value, error)
