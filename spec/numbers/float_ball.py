"""FloatBall: certified truth at the speed of floats. Centre and radius of each ball are float64, with an exponent of their own.

A computation of float32 or less seldom needs more than this; where it does, `Ball` goes on. What is assumed is that float64
sums, products, quotients and roots are rounded correctly or, below the smallest normal number, lost. exp is computed here,
with its proof, log by it, what is rarer by Arb: no function of a library is trusted.

Errors follow Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), chapters 2 and 3; centres and radii in
floats, Rump, "Fast and parallel interval arithmetic", BIT 39 (1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from veriformer.spec.numbers.ball import Ball, working_precision
from veriformer.spec.numbers.number import Number
from veriformer.spec.numbers.precision import FLOAT64

UNIT = 2.0**-53 * (1 + 2.0**-20)
"""The relative error of one rounding, and a little more for the roundings of what it is multiplied with."""
LOST = 2.0**-900
"""More than all that one operation loses below the smallest normal number, 2^-1022 for each of its terms."""
OUTWARD = 1.0 + 2.0**-20
"""A radius is computed in floats too, by fewer than 2^30 roundings in a row."""
MOST_TERMS = 2**30
"""A sum of more is left to others."""
BITS_OF_ARB = 80
"""Enough for what is then rounded to float64."""
NOTHING = -(2**61)
"""The exponent of what is exactly 0, and of nothing else: beside it, every other number keeps all of its digits. An operation
adds two exponents at most, and exp gives none beyond 2^25."""
FARTHEST = 3000
"""From this many binary places on, the smaller of two numbers is lost altogether."""


class TooCoarse(Exception):
    """Floats do not suffice for this: `Ball` must do it."""


@dataclass(frozen=True)
class Enclosure:
    """Floats, and how far the truth is from each of them at most."""

    centre: np.ndarray
    radius: np.ndarray

    def centres(self) -> np.ndarray:
        return self.centre

    def radii(self) -> np.ndarray:
        return self.radius

    def finite(self) -> np.ndarray:
        """Which of the true values are proved to be finite numbers."""
        return np.isfinite(self.radius)

    def distances(self, values: np.ndarray) -> np.ndarray:
        """How far finite floating-point numbers certainly are from the truth; 0 where nothing is known."""
        return np.maximum(np.abs(values - self.centre) * (1 - UNIT) - self.radius, 0.0) * (1 - UNIT)

    def rearranged(self, move: Callable[[np.ndarray], np.ndarray]) -> Self:
        return type(self)(move(self.centre), move(self.radius))


class FloatBall(Number):
    """An array of balls: all numbers from (centre - radius) 2^exponent to (centre + radius) 2^exponent. A radius of infinity
    says that nothing is known."""

    rank = 1

    def __init__(self, centre: Any, radius: Any, exponent: Any) -> None:
        self.centre, self.radius, self.exponent = centre, radius, exponent

    @classmethod
    def given(cls, values: Any) -> Self:
        """Finite numbers, exactly. Raises TooCoarse for others, and for integers that float64 does not hold."""
        values = np.asarray(values)
        floats = values.astype(np.float64)
        size = np.abs(floats)
        strange = ~(size <= FLOAT64.largest) | ((size < FLOAT64.tiny) & (size > 0))
        rounded = values.dtype.kind == "O" or (values.dtype.kind in "iu" and (size > 2.0**53).any())
        if rounded or strange.any():
            raise TooCoarse("a number that float64 does not hold, or not with all of its digits")
        centre, exponent = np.frexp(floats)
        return cls(centre, np.zeros(centre.shape), np.where(centre == 0, NOTHING, exponent.astype(np.int64)))

    @classmethod
    def known(cls, centre: Any, radius: Any, exponent: Any, nothing: Any = False) -> Self:
        """The result of an operation, its radius widened by what the radius's own computation and underflow may cost.
        nothing: where it is exactly 0."""
        radius = radius * OUTWARD + LOST
        known = np.isfinite(radius)
        if not known.all():
            centre, radius = np.where(known, centre, 0.0), np.where(known, radius, np.inf)
            exponent = np.where(known, exponent, 0)
        if np.any(nothing):
            centre, radius = np.where(nothing, 0.0, centre), np.where(nothing, 0.0, radius)
            exponent = np.where(nothing, NOTHING, exponent)
        return cls(centre, radius, exponent)

    @property
    def nothing(self) -> np.ndarray:
        """Which of the numbers are exactly 0."""
        return np.asarray(self.exponent == NOTHING)

    @classmethod
    def around(cls, floats: np.ndarray, distance: Any, nothing: Any = False) -> Self:
        """All that is no further than this from floats."""
        return cls.known(floats, np.broadcast_to(distance, floats.shape), np.zeros(floats.shape, np.int64), nothing)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.centre)

    def lift(self, value: Any) -> Self:
        if isinstance(value, FloatBall):
            return value  # type: ignore[return-value]
        if isinstance(value, Number):
            raise TypeError(f"a {type(value).__name__} met a FloatBall: one formula runs on one number system")
        return constant(value) if type(value) in (int, float) else type(self).given(value)  # type: ignore[return-value]

    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        return type(self)(move(self.centre), move(self.radius), move(self.exponent))

    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        fields = ("centre", "radius", "exponent")
        return type(self)(*(join([getattr(part, field) for part in parts]) for field in fields))

    def at(self, exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and radius in units of a larger 2^exponent."""
        shift = np.maximum(self.exponent - exponent, -FARTHEST)
        return np.ldexp(self.centre, shift), np.ldexp(self.radius, shift)

    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        flat = places.ravel()
        largest = np.full(size, NOTHING, np.int64)
        np.maximum.at(largest, flat, self.exponent.ravel())
        terms, totals = np.zeros(size), np.zeros((3, size))
        centre, radius = self.reshape(-1).at(largest[flat])
        for total, term in zip((terms, *totals), (1.0, centre, radius, np.abs(centre)), strict=True):
            np.add.at(total, flat, term)
        return type(self).known(totals[0], totals[1] + terms * UNIT * totals[2], largest, largest == NOTHING)

    def near(self) -> np.ndarray:
        return self.centres()

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """In any order: n - 1 roundings of sums no larger than that of the sizes."""
        terms = self.size if axis is None else self.shape[axis]
        if terms > MOST_TERMS:
            raise TooCoarse("a sum of too many terms")
        largest = np.max(self.exponent, axis=axis, keepdims=True, initial=NOTHING)
        centre, radius = self.at(largest)
        total = np.sum(centre, axis=axis, keepdims=keepdims)
        error = np.sum(radius + terms * UNIT * np.abs(centre), axis=axis, keepdims=keepdims)
        largest = largest.reshape(np.shape(total))
        return type(self).known(total, error, largest, largest == NOTHING)

    def add(self, other: Self) -> Self:
        largest = np.maximum(self.exponent, other.exponent)
        (a, a_radius), (b, b_radius) = self.at(largest), other.at(largest)
        total = a + b
        is_sum = ~(self.nothing | other.nothing)
        return type(self).known(total, a_radius + b_radius + is_sum * UNIT * np.abs(total), largest, largest == NOTHING)

    def subtract(self, other: Self) -> Self:
        return self.add(other.negative())

    def multiply(self, other: Self) -> Self:
        a, b = np.abs(self.centre), np.abs(other.centre)
        error = a * other.radius + self.radius * (b + other.radius) + UNIT * (a * b)
        nothing = (self.nothing | other.nothing) & np.isfinite(error)
        return type(self).known(self.centre * other.centre, error, self.exponent + other.exponent, nothing)

    def divide(self, other: Self) -> Self:
        """x / y - a / b = ((x - a) - (a / b) (y - b)) / y, and |y| is at least |b| less its radius."""
        quotient = self.centre / other.centre
        size, least = np.abs(quotient), np.abs(other.centre) - other.radius
        error = (self.radius + size * other.radius) / least + UNIT * size
        nothing = self.nothing & (least > 0)
        return type(self).known(quotient, np.where(least > 0, error, np.inf), self.exponent - other.exponent, nothing)

    def negative(self) -> Self:
        return type(self)(-self.centre, self.radius, self.exponent)

    def absolute(self) -> Self:
        return type(self)(np.abs(self.centre), self.radius, self.exponent)

    def sqrt(self) -> Self:
        """|sqrt(x) - sqrt(a)| = |x - a| / (sqrt(x) + sqrt(a)). Of what may be negative nothing is known, but of 0 itself."""
        odd = self.exponent % 2
        centre, radius = np.ldexp(self.centre, odd), np.ldexp(self.radius, odd)
        root = np.sqrt(np.maximum(centre, 0.0))
        error = np.where(centre >= radius, radius / root + UNIT * root, np.inf)
        return type(self).known(root, error, (self.exponent - odd) // 2, self.nothing)

    def exp(self) -> Self:
        """exp(x) = 2^k exp(t), t = x - k ln 2 no larger than 0.36, exp(t) by Taylor's polynomial of degree 14.

        In units of u = 2^-53, beside exp(t) >= 0.69: the two subtractions answer less than 0.4 and 0.36, and what ln 2 in two
        parts and the product with the second cost is below 0.06 u: t is good to 0.82 u, times exp(t) <= 1.44. Horner's rule,
        step by step: what is added up to the step before the last is at most 1.21, its error at most (2 * 1.21 u) / (1 - 0.36)
        = 3.8 u, times t 1.4 u; the last product is rounded by 0.44 u, the last sum by 1.44 u. The rest of the series is below
        0.36^15 / 15! < 2^-62. Together below 4.5 u, relative to exp(t) below 6.6 u < 2^-50. And exp(x + d) lies within
        exp(x) (|d| + d^2) for |d| up to 1. Of a power beneath them all it is enough that it is no larger than exp(-2^24).
        """
        x, spread = self.as_floats()
        faint = x + spread < -LARGEST_POWER
        known = (np.abs(x) <= LARGEST_POWER) & (spread <= 1)
        x, spread = np.where(known, x, 0.0), np.where(known, spread, np.inf)
        k = np.rint(x / math.log(2))
        t = (x - k * LN2[0]) - k * LN2[1]
        power = np.full(x.shape, TAYLOR[-1])
        for coefficient in reversed(TAYLOR[:-1]):
            power = power * t + coefficient
        error = power * ((spread + spread * spread) * (1 + ERROR_OF_EXP) + ERROR_OF_EXP)
        k = k.astype(np.int64)
        if faint.any():
            power, error, k = (np.where(faint, *pair) for pair in ((0.0, power), (1.0, error), (FAINTEST, k)))
        return type(self).known(power, error, k)

    def log(self) -> Self:
        """log(x) = y + log(1 + d), d = x exp(-y) - 1, for any y near log(x); |log(1 + d)| <= 2 |d| for |d| up to 1/2."""
        guess = np.log(np.where(self.centre > 0, self.centre, 1.0)) + self.exponent * math.log(2)
        y = type(self).given(np.where(np.isfinite(guess), guess, 0.0))
        rest = self * np.exp(-y) - 1
        distance = np.abs(rest.centres()) + rest.radii()
        return y + type(self).around(np.zeros(distance.shape), np.where(distance <= 0.5, 2 * distance, np.inf))

    def by_arb(self, name: str, slope: float) -> Self:
        """A function no steeper than `slope`, computed by Arb at the centres."""
        x, spread = self.as_floats()
        known = np.isfinite(x)
        with working_precision(BITS_OF_ARB):
            exact: Ball = getattr(Ball.given(np.where(known, x, 0.0)), name)()
            value, reach = exact.centres(), exact.radii()
        error = np.where(known, slope * spread + reach + UNIT * np.abs(value), np.inf)
        return type(self).around(value, error, self.nothing & (name != "cos"))

    def sin(self) -> Self:
        return self.by_arb("sin", 1.0)

    def cos(self) -> Self:
        return self.by_arb("cos", 1.0)

    def tanh(self) -> Self:
        return self.by_arb("tanh", 1.0)

    def erf(self) -> Self:
        """Its slope is 2 / sqrt(pi) at most, which is 1.128..."""
        return self.by_arb("erf", 1.2)

    def maximum(self, other: Self) -> Self:
        """The larger of two numbers moves no further than the one that moves more."""
        largest = np.maximum(self.exponent, other.exponent)
        (a, a_radius), (b, b_radius) = self.at(largest), other.at(largest)
        either = type(self).known(np.maximum(a, b), np.maximum(a_radius, b_radius), largest)
        gap = (a_radius + b_radius) * OUTWARD + LOST
        first = np.where(b - a > gap, 0, np.where((a - b > gap) | (self.nothing & other.nothing), 1, 2))
        return self.joined([other, self, either], lambda fields: np.choose(first, np.broadcast_arrays(*fields)))

    def heaviside(self) -> Self:
        """The slope of max(x, 0): 0 or 1, and all of [0, 1] where the sign of x is open."""
        above, below = self.centre > self.radius, -self.centre > self.radius
        slope = np.where(above, 1.0, np.where(below, 0.0, 0.5))
        return type(self)(slope, np.where(above | below, 0.0, 0.5), np.zeros(self.shape, np.int64))

    def matmul(self, other: Self) -> Self:
        """Rows of one and columns of the other each in units of their largest exponent. Sums in any order, fused or not."""
        if other.ndim == 1:
            return self.matmul(other[:, None])[..., 0]
        if self.ndim == 1:
            return self[None].matmul(other)[..., 0, :]
        rows = np.max(self.exponent, axis=-1, keepdims=True, initial=NOTHING)
        columns = np.max(other.exponent, axis=-2, keepdims=True, initial=NOTHING)
        (a, a_radius), (b, b_radius) = self.at(rows), other.at(columns)
        error = product(np.abs(a), b_radius + self.shape[-1] * UNIT * np.abs(b))
        if a_radius.any():
            error = error + product(a_radius, np.abs(b) + b_radius)
        some, other_some = ~self.nothing, ~other.nothing
        nothing = False if some.all() and other_some.all() else product(some * 1.0, other_some * 1.0) == 0
        return type(self).known(product(a, b), error, rows + columns, nothing & np.isfinite(error))

    def centres(self) -> np.ndarray:
        """The middles in float64; infinite where they are beyond it."""
        return np.ldexp(self.centre, self.shift())

    def radii(self) -> np.ndarray:
        """Upper bounds of the distance between what `centres` says and the truth; inf where nothing is known."""
        return self.as_floats()[1]

    def as_floats(self) -> tuple[np.ndarray, np.ndarray]:
        """What `centres` and `radii` say."""
        shift = self.shift()
        centre, radius = np.ldexp(self.centre, shift), np.ldexp(self.radius, shift) + LOST * ~self.nothing
        finite = np.isfinite(centre)
        return centre, radius if finite.all() else np.where(finite, radius, np.inf)

    def shift(self) -> np.ndarray:
        """The exponent, as far as it matters to a float."""
        return np.asarray(np.minimum(np.maximum(self.exponent, -FARTHEST), FARTHEST))

    def at_rest(self) -> Enclosure:
        """What is left to do when all is computed: to compare."""
        return Enclosure(*self.as_floats())


@lru_cache
def constant(value: float) -> FloatBall:
    """A constant of a formula: each is met again and again."""
    return FloatBall.given(value)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix products with leading axes, by loops of NumPy's and not by BLAS, which implementations are judged with."""
    return np.asarray(np.einsum("...ij,...jk->...ik", a, b))


LARGEST_POWER = 2.0**24
"""exp is known of numbers up to this."""
FAINTEST = -24_204_406
"""exp(-2^24) is less than 2 to this power."""
LN2 = (float.fromhex("0x1.62e42fep-1"), float.fromhex("0x1.f473de6af278fp-30"))
"""ln 2 in two parts: the first has 28 bits, so that k times it is exact; their sum is ln 2 to 2^-84."""
TAYLOR = tuple(1 / math.factorial(n) for n in range(15))
ERROR_OF_EXP = 2.0**-50
