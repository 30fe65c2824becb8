"""Ball: certified truth. Each number is a ball (centre and radius) of Arb that provably holds the exact value.

Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE Trans. Comput. 66 (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import flint
import numpy as np
from flint import arb

from veriformer.spec.numbers.number import Number


def exactly(value: Any) -> arb:
    """An int, float or NumPy scalar as a ball of radius 0."""
    if isinstance(value, arb):
        return value
    if isinstance(value, bool | int | np.integer | np.bool_):
        return arb(int(value))
    return arb(float(value))


def ball_max(a: arb, b: arb) -> arb:
    return a.max(b)


def heaviside(x: arb) -> arb:
    """The slope of max(x, 0): 0 or 1, and all of [0, 1] where x may be 0 (it encloses Clarke's subdifferential)."""
    return arb(1) if x > 0 else arb(0) if x < 0 else arb(0.5, 0.5)


EACH = {
    "lift": np.frompyfunc(exactly, 1, 1),
    **{name: np.frompyfunc(getattr(arb, name), 1, 1) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "erf")},
    "maximum": np.frompyfunc(ball_max, 2, 1),
    "heaviside": np.frompyfunc(heaviside, 1, 1),
    "centre": np.frompyfunc(lambda x: float(x.mid()), 1, 1),
    "radius": np.frompyfunc(lambda x: float(x.rad()), 1, 1),
    "distance": np.frompyfunc(lambda x: float(x.abs_lower()), 1, 1),
    "may_vanish": np.frompyfunc(lambda x: bool(x.contains(0)), 1, 1),
    "finite": np.frompyfunc(lambda x: bool(x.is_finite()), 1, 1),
}
"""Functions of single balls, over object arrays."""


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Arb computes with this many bits inside the block."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


class Ball(Number):
    """An array of balls. `balls` is an object array of arb."""

    rank = 1

    def __init__(self, balls: Any) -> None:
        self.balls = np.asarray(balls, dtype=object)

    @classmethod
    def given(cls, values: Any) -> Self:
        """Floating-point numbers or integers, exactly."""
        values = np.asarray(values)
        if values.dtype == object or values.dtype.kind in "biu":
            return cls(EACH["lift"](values.astype(object)))
        balls = np.empty(values.size, dtype=object)
        balls[:] = list(map(arb, values.astype(np.float64).ravel().tolist()))
        return cls(balls.reshape(values.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.balls.shape

    def lift(self, value: Any) -> Self:
        if isinstance(value, Ball):
            return value  # type: ignore[return-value]
        return type(self).given(value)

    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        return type(self)(move(self.balls))

    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        return type(self)(join([part.balls for part in parts]))

    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        total = np.full(size, arb(0), dtype=object)
        for place, ball in zip(places.ravel().tolist(), self.balls.ravel().tolist(), strict=True):
            total[place] = total[place] + ball
        return type(self)(total)

    def near(self) -> np.ndarray:
        return self.centres()

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self:
        return type(self)(self.balls.sum(axis=axis, keepdims=keepdims, initial=arb(0)))

    def add(self, other: Self) -> Self:
        return type(self)(self.balls + other.balls)

    def subtract(self, other: Self) -> Self:
        return type(self)(self.balls - other.balls)

    def multiply(self, other: Self) -> Self:
        return type(self)(self.balls * other.balls)

    def divide(self, other: Self) -> Self:
        return type(self)(self.balls / other.balls)

    def negative(self) -> Self:
        return type(self)(-self.balls)

    def absolute(self) -> Self:
        return type(self)(np.absolute(self.balls))

    def exp(self) -> Self:
        return type(self)(EACH["exp"](self.balls))

    def log(self) -> Self:
        return type(self)(EACH["log"](self.balls))

    def sqrt(self) -> Self:
        return type(self)(EACH["sqrt"](self.balls))

    def sin(self) -> Self:
        return type(self)(EACH["sin"](self.balls))

    def cos(self) -> Self:
        return type(self)(EACH["cos"](self.balls))

    def tanh(self) -> Self:
        return type(self)(EACH["tanh"](self.balls))

    def erf(self) -> Self:
        return type(self)(EACH["erf"](self.balls))

    def maximum(self, other: Self) -> Self:
        return type(self)(EACH["maximum"](self.balls, other.balls))

    def heaviside(self) -> Self:
        """The slope of max(x, 0), an enclosure where the sign of x is open."""
        return type(self)(EACH["heaviside"](self.balls))

    def matmul(self, other: Self) -> Self:
        return type(self)(products(self.balls, other.balls))

    def centres(self) -> np.ndarray:
        """The middles, rounded to float64: for display."""
        return np.asarray(EACH["centre"](self.balls), dtype=np.float64)

    def radii(self) -> np.ndarray:
        """Upper bounds of the distance between centre and truth; inf or nan where nothing is known."""
        return np.asarray(EACH["radius"](self.balls), dtype=np.float64)

    def finite(self) -> np.ndarray:
        """Which of the true values are proved to be finite numbers."""
        return np.asarray(EACH["finite"](self.balls), dtype=bool)

    def may_vanish(self) -> np.ndarray:
        """Which of the balls hold 0."""
        return np.asarray(EACH["may_vanish"](self.balls), dtype=bool)

    def distances(self, values: np.ndarray) -> np.ndarray:
        """How far finite floating-point numbers certainly are from the truth, as float64."""
        return np.asarray(EACH["distance"]((self - type(self).given(values)).balls), dtype=np.float64)


def products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix products of object arrays with leading axes, each by Arb's own matrix product."""
    if a.ndim == 1:
        return products(a[None, :], b)[..., 0, :]
    if b.ndim == 1:
        return products(a, b[:, None])[..., 0]
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, lead + a.shape[-2:])
    b = np.broadcast_to(b, lead + b.shape[-2:])
    out = np.empty((*lead, a.shape[-2], b.shape[-1]), dtype=object)
    for index in np.ndindex(*lead):
        out[index] = product(a[index], b[index])
    return out


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One matrix product; an empty inner axis gives zeros."""
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    out = np.full(rows * columns, arb(0), dtype=object)
    if rows and inner and columns:
        left = flint.arb_mat(rows, inner, a.ravel().tolist())
        out[:] = (left * flint.arb_mat(inner, columns, b.ravel().tolist())).entries()
    return out.reshape(rows, columns)
