"""How far an honest clipping by the norm may land from the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veriformer.spec.numbers.bounded import Bounded, in_any_order


def norm(*arrays: Bounded) -> Bounded:
    """The root of all squares added; the norm of the arrays' norms; or the largest number taken out first, as in BLAS.

    The last neither over- nor underflows where squares do; it is left out where the largest number may itself be flushed.
    """
    squares = [(array * array).sum() for array in arrays]
    norms = [np.sqrt(square) for square in squares]
    ways = [np.sqrt(added(squares)), np.sqrt(added([one * one for one in norms]))]
    sizes = [(np.abs(array.value).max(initial=0.0), array.error.max(initial=0.0)) for array in arrays]
    largest = arrays[0].of(*np.max(sizes, axis=0))
    if largest.value > 2 * largest.error:
        shares = [array / largest for array in arrays]
        ways.append(largest * np.sqrt(added([(share * share).sum() for share in shares])))
    return in_any_order(*ways)


def added(parts: Sequence[Bounded]) -> Bounded:
    """A sum of numbers that are not negative: no partial sum exceeds the whole, so each addition rounds by at most what it
    would round there, in any order."""
    value, error = sum(part.value for part in parts), sum(part.error for part in parts)
    return parts[0].rounded(value, error, units=len(parts) - 1)


def limited(g: Bounded, length: Bounded, limit: Bounded) -> Bounded:
    """g c / m with m = max(c, norm): the factor first, or g / m first (optax), or g c first, or c times the reciprocal of m
    (TensorFlow), where even a gradient that is not clipped is rounded."""
    m = limit.maximum(length)
    return in_any_order(g * (limit / m), g / m * limit, g * limit / m, g * (limit * (g.lift(1) / m)))
