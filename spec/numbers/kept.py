"""Kept: numbers as a narrower format keeps them from one step to the next, for formulas that store them so."""

from __future__ import annotations

from typing import Any

from veriformer.spec.numbers.ball import Ball
from veriformer.spec.numbers.bounded import Bounded
from veriformer.spec.numbers.float_ball import FloatBall, TooCoarse
from veriformer.spec.numbers.precision import Format


def kept_in(format: Format, x: Any) -> Any:
    """x rounded to the format; plain floats as they are.

    A ball is rounded to the nearest number of the format, and so is what an honest computation is about to keep: where the
    two lie on either side of a tie they are a whole unit apart, two halves. A ball of floats is too wide for that.
    """
    if isinstance(x, FloatBall):
        raise TooCoarse("the nearest number of a format")
    if isinstance(x, Bounded):
        return x.rounded(x.value, x.error, 2.0, format)
    return x.lift(format.nearest(x.centres())) if isinstance(x, Ball) else x
