"""How far what an answer was made of may lie from what was answered."""

from __future__ import annotations

from veriformer.spec.numbers.bounded import Bounded


def as_answered(x: Bounded) -> Bounded:
    """A gradient that was answered may have been rounded on its way out, once, to the output's format: who computes in a wider
    one clips, and steps by, a number up to half an ulp away."""
    return x.rounded(x.value, x.error, format=x.precision.output)
