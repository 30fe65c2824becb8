"""How far an honest accumulation of gradients may land from the truth."""

from __future__ import annotations

from dataclasses import replace

from veriformer.spec.numbers.bounded import Bounded, in_any_order


def forward(parts: Bounded, total: Bounded) -> Bounded:
    """sum_i s_i / N in any order of the sum, the division before it or after it, or as a product with 1 / N.

    The parts are whole arrays, added one after the other and not inside a kernel: in a half type each sum is rounded to it.
    """
    in_step = replace(parts.precision, accumulator=parts.precision.step)
    one_by_one = Bounded(parts.value, parts.error, in_step)
    ways = (one_by_one.sum(0) / total, (one_by_one / total).sum(0), (one_by_one * (parts.lift(1) / total)).sum(0))
    result = in_any_order(*ways)
    return parts.of(result.value, result.error)
