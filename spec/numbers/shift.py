"""Shift: what stands in the exponents of a quotient, less the largest of its row, where that makes the quotient sharper."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.numbers.float_ball import NOTHING, FloatBall
from veriformer.spec.numbers.tape import Tape


def shifted(x: Any, mask: Any = None) -> Any:
    """x less the largest allowed entry of its row, for formulas that answer the same to x and to x - c. Over balls of floats
    alone: all else gets x itself.

    exp(x) has all of the error of x for a relative one, and so has a sum of such: in a weight near 1 the two are as large as
    the scores, though the others hardly weigh. The largest less itself is 0, exactly; its weight is then as sharp as the
    others are small. Where f(x) = f(x - c) for every c, the derivative is that of f at x - c, with c held.
    """
    if isinstance(x, Tape) and isinstance(x.value, FloatBall):
        return Tape(shifted(x.value, mask), [(x, lambda g: g)])
    if not isinstance(x, FloatBall) or not x.shape[-1]:
        return x
    near = x.centres() if mask is None else np.where(mask, x.centres(), -np.inf)
    column = near.argmax(-1)[..., None]
    place = np.arange(0, near.size, near.shape[-1]).reshape(column.shape) + column
    largest = x.rearranged(lambda array: array.reshape(-1)[place])
    rest = x - largest
    itself = place[np.isfinite(largest.radius)]
    for numbers, nothing in ((rest.centre, 0.0), (rest.radius, 0.0), (rest.exponent, NOTHING)):
        np.put(numbers, itself, nothing)
    return rest
