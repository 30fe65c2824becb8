"""Bounded: running rounding-error analysis. A value and how far an honest computation of it may be from the exact one.

Wilkinson's running error analysis, Higham (2nd ed., section 3.3), in the worst case: any order of summation, fused
multiply-add or not, any library function within `precision.ROUNDOFFS`, numbers below the smallest normal one flushed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import erf

from veriformer.spec.numbers.number import Number
from veriformer.spec.numbers.precision import FLOAT16, FLOAT64, ROUNDOFFS, TF32, Format, Precision, gamma

SMALLEST = float(np.finfo(np.float64).smallest_normal)
"""Below, products lose digits even in float64."""


class Product(NamedTuple):
    """What is known of a matrix product before it is rounded: the number of its terms, their magnitudes' sum, its error."""

    terms: int
    magnitude: np.ndarray
    error: np.ndarray


class Bounded(Number):
    """`value` is near the exact value; `error` bounds |honest - exact|, and inf says that an honest one may overflow.

    The value itself is computed in float64. Judging float64, it is one of the honest computations: everything that
    depends on the exact value uses |exact| <= |value| + error, and functions that bend use `reach`.
    """

    rank = 2
    held = False
    """Is every honest value already a number of the product format, or one that was spared its rounding?"""

    product: Product | None = None
    """Of a matrix product that nothing was done to yet."""

    def __init__(self, value: Any, error: Any, precision: Precision) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        error = np.asarray(error, dtype=np.float64)
        self.error = error if error.shape == self.value.shape else np.broadcast_to(error, self.value.shape)
        self.precision = precision

    @classmethod
    def given(cls, values: Any, precision: Precision) -> Self:
        """The arguments as they are handed over: exact in the output format, rounded where less is computed in.

        Where denormal numbers are flushed they may be read as 0. Integers are not in the format, and exact.
        """
        values = np.asarray(values)
        if values.dtype.kind in "iu":
            return cls(values, 0.0, precision)
        exact = values.astype(np.float64)
        size = np.abs(exact)
        within = size <= precision.step.largest
        held = precision.step.includes(values.dtype) and within.all()
        error = 0.0 if held else np.where(size > precision.step.largest, np.inf, rounded_once(exact, precision.step))
        if precision.flushes:
            error = np.where(size < precision.step.tiny, size, error)
        return cls(exact, error, precision)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @cached_property
    def size_at_most(self) -> np.ndarray:
        """Upper bound of the exact value's magnitude."""
        return np.abs(self.value) + self.error

    @cached_property
    def reach(self) -> np.ndarray:
        """How far an honest value may be from `value`, which in float64 is only another honest one."""
        return self.error * (2.0 if self.precision.step is FLOAT64 else 1.0)

    def of(self, value: Any, error: Any) -> Self:
        """A number of the same precision."""
        return type(self)(value, error, self.precision)

    def lift(self, value: Any) -> Self:
        """A constant: free of error if the format holds it (integers, powers of two), else rounded once."""
        if isinstance(value, Bounded):
            return value  # type: ignore[return-value]
        if isinstance(value, Number):
            raise TypeError(f"a {type(value).__name__} met a Bounded: one formula runs on one number system")
        if type(value) in (int, float):
            return self.of(value, error_of_constant(float(value), self.precision.step))
        exact = np.asarray(value).astype(np.float64)
        return self.of(exact, rounded_once(exact, self.precision.step))

    def rounded(self, value: Any, error: Any, units: float = 1.0, format: Format | None = None) -> Self:
        """The result of an operation with exact result near `value`, after `units` roundings to the format. An error that is
        not a number becomes infinite; see `or_infinite`."""
        format = format or self.precision.step
        with np.errstate(all="ignore"):
            magnitude = np.abs(value)
            size = magnitude + error
            # what is certainly 0 is a number of the format
            own = np.where(size == 0, 0.0, format.half_ulp(size) * units)
            if self.precision.flush and format is not FLOAT16:
                faint = magnitude - error < format.tiny
                if faint.any():
                    own = np.where(faint, np.maximum(own, np.minimum(size, format.tiny)), own)
            return self.of(value, np.where(size + own <= format.largest, error + own, np.inf))

    def boundary(self) -> Self:
        """The result of a component: under `layer` it is rounded to the output format: once, though several end there."""
        if self.held:
            return self
        if self.precision.layer:
            result = self.rounded(self.value, self.error, format=self.precision.output)
            return result.held_if(self.precision.product is self.precision.output)
        return self

    def held_if(self, held: bool) -> Self:
        """The same number, known to be held by the product format, or not; see `as_factor`."""
        self.held = held
        return self

    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        return self.of(move(self.value), move(self.error)).held_if(self.held)

    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        together = self.of(join([part.value for part in parts]), join([part.error for part in parts]))
        return together.held_if(all(part.is_held() for part in parts))

    def near(self) -> np.ndarray:
        return self.value

    def summed(self, reduce: Callable[[np.ndarray], np.ndarray], count: Any, format: Format | None = None) -> Self:
        """A sum of `count` terms by any tree: gamma_(n-1) times the sum of the magnitudes, and what flushing loses."""
        acc = format or self.precision.accumulator
        with np.errstate(all="ignore"):
            magnitude = reduce(self.size_at_most)
            additions = np.maximum(np.asarray(count) - 1, 0)
            growth = additions * acc.u / (1.0 - np.minimum(additions * acc.u, 0.5))
            lost = np.minimum(additions * acc.tiny, magnitude) if self.precision.flushes else 0.0
            error = np.where(magnitude > acc.largest, np.inf, reduce(self.error) + growth * magnitude + lost)
        total = self.of(reduce(self.value), or_infinite(error))
        return total if acc == self.precision.step else total.rounded(total.value, total.error)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self:
        count = self.size if axis is None else self.shape[axis]
        return self.summed(lambda array: array.sum(axis=axis, keepdims=keepdims), count)

    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        """Where they are added in place each sum is rounded to the array's own dtype: the gradient of 600 uses of a row, 1
        each, is 256 in bfloat16 by torch.nn.functional.embedding 2.13 and by JAX 0.10 on CPU."""
        flat = places.ravel()

        def reduce(array: np.ndarray) -> np.ndarray:
            return np.bincount(flat, weights=array.ravel(), minlength=size) if flat.size else np.zeros(size)

        return self.summed(reduce, np.bincount(flat, minlength=size), self.precision.step if in_place else None)

    def add(self, other: Self) -> Self:
        plain = self.rounded(self.value + other.value, self.error + other.error)
        pairs = ((self, other), (other, self))
        begun = [one.begun_with(two, one.product) for one, two in pairs if one.product]
        return self.of(plain.value, in_any_order(plain, *begun).error) if begun else plain

    def begun_with(self, start: Self, product: Product) -> Self:
        """A matrix product whose sums begin with what is added to it, as GEMM takes C (torch.nn.functional.linear adds up
        1 + 0.0006 + 0.0006 + 0.0006 on some processors): gamma_(n+1) |start| in place of one rounding."""
        acc = self.precision.accumulator
        one_more = gamma(product.terms + 1, acc.u)
        with np.errstate(all="ignore"):
            own = one_more * start.size_at_most + (one_more - gamma(product.terms, acc.u)) * product.magnitude
            error = or_infinite(product.error + start.error + own)
        total = self.of(self.value + start.value, np.broadcast_arrays(error, self.value + start.value)[0])
        return total if acc == self.precision.step else total.rounded(total.value, total.error)

    def subtract(self, other: Self) -> Self:
        return self.rounded(self.value - other.value, self.error + other.error)

    def multiply(self, other: Self) -> Self:
        with np.errstate(all="ignore"):
            one, two = self.size_at_most, other.size_at_most
            error = one * other.error + self.error * two
            lost = one * two < SMALLEST  # float64, in which this is computed, may lose the product
            if lost.any():
                error = np.where(lost & (one > 0) & (two > 0), error + SMALLEST, error)
            return self.rounded(self.value * other.value, error)

    def divide(self, other: Self) -> Self:
        with np.errstate(all="ignore"):
            quotient = self.value / other.value
            least = np.abs(other.value) - other.reach
            error = (self.error + np.abs(quotient) * other.error) / least
            error = np.where(least > 0, error, np.inf)
            return self.rounded(quotient, error, self.precision.divide)

    def negative(self) -> Self:
        return self.of(-self.value, self.error)

    def absolute(self) -> Self:
        return self.of(np.abs(self.value), self.error)

    def exp(self) -> Self:
        with np.errstate(all="ignore"):
            value = np.exp(self.value)
            error = np.where(self.reach < 1, value * np.expm1(self.reach), np.exp(self.value + self.reach))
            return self.rounded(value, error, ROUNDOFFS["exp"])

    def log(self) -> Self:
        with np.errstate(all="ignore"):
            error = np.where(self.value > self.reach, -np.log1p(-self.reach / self.value), np.inf)
            return self.rounded(np.log(self.value), error, ROUNDOFFS["log"])

    def sqrt(self) -> Self:
        """The slope at the lower end; near 0, where that is steep, the roots of both ends of what can be reached."""
        with np.errstate(all="ignore"):
            root = np.sqrt(np.maximum(self.value, 0.0))
            lowest = np.sqrt(np.maximum(self.value - self.reach, 0.0))
            apart = np.sqrt(np.maximum(self.value + self.reach, 0.0)) - lowest
            error = np.fmin(self.reach / (root + lowest), apart)
            return self.rounded(root, np.where(self.reach > 0, error, 0.0), ROUNDOFFS["sqrt"])

    def sin(self) -> Self:
        return self.rounded(np.sin(self.value), np.minimum(self.reach, 2.0), ROUNDOFFS["sin"])

    def cos(self) -> Self:
        return self.rounded(np.cos(self.value), np.minimum(self.reach, 2.0), ROUNDOFFS["cos"])

    def tanh(self) -> Self:
        return self.rounded(np.tanh(self.value), np.minimum(self.reach, 2.0), ROUNDOFFS["tanh"])

    def erf(self) -> Self:
        """|erf'| <= 2 / sqrt(pi) exp(-x^2) at the smallest |x| within reach; the library's own error is absolute."""
        nearest = np.maximum(np.abs(self.value) - self.reach, 0.0)
        slope = 2.0 / np.sqrt(np.pi) * np.exp(-nearest * nearest)
        own = ROUNDOFFS["erf"] * self.precision.step.u
        return self.rounded(erf(self.value), np.minimum(self.reach * slope, 2.0) + own)

    def maximum(self, other: Self) -> Self:
        """Exact, but which of the two is larger may be open: the error is that of the ends of both intervals, and never
        more than the larger of the two."""
        value = np.maximum(self.value, other.value)
        with np.errstate(all="ignore"):
            above = np.maximum(self.value + self.reach, other.value + other.reach) - value
            below = value - np.maximum(self.value - self.reach, other.value - other.reach)
            error = np.minimum(np.maximum(above, below), np.maximum(self.error, other.error))
        larger = self.of(value, or_infinite(error))
        return larger.held_if(self.is_held() and other.is_held())

    def heaviside(self) -> Self:
        """The slope of max(x, 0); anything in [0, 1] where the sign is open."""
        open_sign = np.abs(self.value) <= self.reach
        return self.of(np.where(self.value > 0, 1.0, 0.0), np.where(open_sign, 1.0, 0.0))

    def matmul(self, other: Self) -> Self:
        """gamma_n |A| |B| for products of n terms (Higham, eq. 3.13), after rounding the factors to `product`.

        Where partial sums of at least `terms` products may be rounded to another format and added up in it, there are at most
        m = ceil(n / terms) of them: each is rounded once, and m - 1 additions follow, gamma_m |A| |B| more, and as many of the
        smallest steps of that format.
        """
        a, b = self.as_factor(), other.as_factor()
        acc, n = self.precision.accumulator, a.shape[-1]
        with np.errstate(all="ignore"):
            magnitude = a.size_at_most @ b.size_at_most
            error = gamma(n, acc.u) * magnitude
            if np.any(b.error):
                error = error + a.size_at_most @ b.error
            if np.any(a.error):
                error = error + a.error @ b.size_at_most
            if self.precision.flushes:
                error = error + np.minimum(2 * n * acc.tiny, magnitude + self.unseen(a, b, magnitude))
            else:  # a product below the smallest normal number is rounded to a multiple of the smallest number
                error = error + np.minimum(n * acc.half_ulp(np.zeros(())), magnitude)
            error = np.where(magnitude > acc.largest, np.inf, error)
            if partial := self.precision.partial_sums:
                parts = -(-n // self.precision.terms)
                error = error + gamma(parts, partial.u) * (magnitude + error) + parts * partial.half_ulp(np.zeros(()))
                error = np.where(magnitude > partial.largest, np.inf, error)
            total = self.of(a.value @ b.value, or_infinite(error))
        result = total if acc == self.precision.step else total.rounded(total.value, total.error)
        result.product = Product(n, magnitude, total.error)
        return result

    @staticmethod
    def unseen(a: Bounded, b: Bounded, magnitude: np.ndarray) -> Any:
        """What products of nonzero numbers leave of themselves when even float64, in which this is computed, loses them."""
        faint = magnitude <= SMALLEST
        if not faint.any():
            return 0.0
        terms = (a.size_at_most > 0).astype(np.float64) @ (b.size_at_most > 0).astype(np.float64)
        return np.where(faint, 2 * terms * SMALLEST, 0.0)

    def as_factor(self) -> Self:
        """A factor of a matrix product: where the product format is coarser than the step, rounded to it.

        Tensor cores cut float32 to TF32 if nobody rounds it first: two half ulps. To a half type numbers are converted by an
        instruction, to nearest (CUDA C++ `__float2bfloat16`, Triton's tl.cast "rtne", XLA's convert): u of each, since it may
        be another multiple of the factor that is converted (weights before their division, a scale with log2(e) in it).

        A number of the product format is its own rounding: arguments given in it, exactly, and the result of a component
        that `boundary` rounded to it. Who does not round there (a fused kernel) rounds here for the first time; who rounds at
        neither is closer: the one rounding that the boundary counted bounds all three.
        """
        product = self.precision.product
        if self.held or not self.precision.rounds_factors:
            return self
        if product is TF32:
            error = self.rounded(self.value, self.error, 2, format=product).error
        else:
            size = self.size_at_most
            error = self.error + product.u * size
            error = np.maximum(self.rounded(self.value, self.error, format=product).error, error)
        return self.of(self.value, np.where(self.kept_by_product(), 0.0, error))

    def is_held(self) -> bool:
        """Held, all of it, or exactly numbers of the product format, as constants are; where nothing is rounded on the way it
        makes no difference, and is not looked for."""
        return self.held or (self.precision.rounds_between and bool(self.kept_by_product().all()))

    def kept_by_product(self) -> np.ndarray:
        """Where a number is known exactly, and is one of the product format."""
        return (self.error == 0) & self.precision.product.holds(self.value)


def rounded_once(exact: np.ndarray, step: Format) -> np.ndarray:
    """How far numbers move that are rounded to a format once: not at all where it holds them."""
    return np.where(step.holds(exact), 0.0, step.half_ulp(np.abs(exact)))


@lru_cache(maxsize=4096)
def error_of_constant(value: float, step: Format) -> float:
    """The same for a constant of a formula: each is met again and again."""
    return float(rounded_once(np.asarray(value), step))


def or_infinite(error: Any) -> Any:
    """An error that is not a number comes from inf - inf or 0 * inf, which an honest computation may meet too: inf."""
    return np.fmin(error, np.inf)


def in_any_order(*ways: Bounded) -> Bounded:
    """One number, computed in several ways that are equal in exact arithmetic: an honest computation may take any of them.

    The error of each way bounds what lies between an honest computation of that kind and the exact value, so the largest
    bounds them all.
    """
    errors = np.maximum.reduce([way.error for way in ways])
    return ways[0].of(ways[0].value, or_infinite(errors))
