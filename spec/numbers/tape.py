"""Tape: reverse-mode derivatives over any number system, whole arrays at a time.

Over balls it gives certified gradients, over bounded numbers their allowed error: the same formula both times.
Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from veriformer.spec.numbers.bounded import Bounded, or_infinite
from veriformer.spec.numbers.number import Number, near, number, transposed

Pullback = Callable[[Any], Any]
"""From the cotangent of a result to the cotangent of one of its arguments."""


class Tape(Number):
    """A value, and how a cotangent of it flows back to the values it was made from."""

    rank = 3

    def __init__(self, value: Any, sources: Sequence[tuple[Any, Pullback]] = (), *, is_boundary: bool = False) -> None:
        self.value = value
        self.sources = [(source, pull) for source, pull in sources if isinstance(source, Tape)]
        self.is_boundary = is_boundary

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def lift(self, value: Any) -> Self:
        if isinstance(value, Tape):
            return value  # type: ignore[return-value]
        return type(self)(number(value, like=self.value) if not isinstance(value, Number) else value)

    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        places = move(np.arange(self.size).reshape(self.shape))

        def back(g: Any) -> Any:
            return g.scattered(np.asarray(places), self.size).reshape(self.shape)

        return type(self)(self.value.rearranged(move), [(self, back)])

    def __getitem__(self, key: Any) -> Self:
        """The rows of a table, by their numbers, are looked up: each gradient is added to its row in place."""
        if not (isinstance(key, np.ndarray) and key.dtype.kind in "iu"):
            return super().__getitem__(key)
        places = np.arange(self.size).reshape(self.shape)[key]

        def back(g: Any) -> Any:
            return g.scattered(places, self.size, in_place=True).reshape(self.shape)

        return type(self)(self.value[key], [(self, back)])

    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        starts = np.cumsum([0] + [part.size for part in parts])
        numbered = [
            np.arange(part.size).reshape(part.shape) + start for part, start in zip(parts, starts, strict=False)
        ]
        places = join(numbered)

        def back_to(index: int) -> Pullback:
            part, first = parts[index], starts[index]
            mine = (places >= first) & (places < first + part.size)

            def back(g: Any) -> Any:
                return g[mine].scattered(places[mine] - first, part.size).reshape(part.shape)

            return back

        value = parts[0].value.joined([part.value for part in parts], join)
        return type(self)(value, [(part, back_to(index)) for index, part in enumerate(parts)])

    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        value = self.value.scattered(places, size, in_place=in_place)
        return type(self)(value, [(self, lambda g: g[places.ravel()].reshape(self.shape))])

    def near(self) -> np.ndarray:
        return near(self.value)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self:
        def back(g: Any) -> Any:
            if axis is not None and not keepdims:
                g = np.expand_dims(g, axis)
            return np.broadcast_to(g, self.shape)

        return type(self)(self.value.sum(axis, keepdims), [(self, back)])

    def elementwise(self, other: Self, value: Any, to_self: Pullback, to_other: Pullback) -> Self:
        """A result of two broadcast arguments: each cotangent is summed back to its own shape."""
        return type(self)(
            value,
            [
                (self, lambda g: unbroadcast(to_self(g), self.shape)),
                (other, lambda g: unbroadcast(to_other(g), other.shape)),
            ],
        )

    def mapped(self, value: Any, slope: Callable[[], Any]) -> Self:
        """A function of each element by itself, with its derivative."""
        return type(self)(value, [(self, lambda g: g * slope())])

    def add(self, other: Self) -> Self:
        return self.elementwise(other, self.value + other.value, lambda g: g, lambda g: g)

    def subtract(self, other: Self) -> Self:
        return self.elementwise(other, self.value - other.value, lambda g: g, lambda g: -g)

    def multiply(self, other: Self) -> Self:
        return self.elementwise(other, self.value * other.value, lambda g: g * other.value, lambda g: g * self.value)

    def divide(self, other: Self) -> Self:
        quotient = self.value / other.value
        return self.elementwise(other, quotient, lambda g: g / other.value, lambda g: -(g * quotient / other.value))

    def negative(self) -> Self:
        return type(self)(-self.value, [(self, lambda g: -g)])

    def exp(self) -> Self:
        value = np.exp(self.value)
        return self.mapped(value, lambda: value)

    def log(self) -> Self:
        return self.mapped(np.log(self.value), lambda: 1 / self.value)

    def sqrt(self) -> Self:
        root = np.sqrt(self.value)
        return self.mapped(root, lambda: 1 / (2 * root))

    def sin(self) -> Self:
        return self.mapped(np.sin(self.value), lambda: np.cos(self.value))

    def cos(self) -> Self:
        return self.mapped(np.cos(self.value), lambda: -np.sin(self.value))

    def tanh(self) -> Self:
        value = np.tanh(self.value)
        return self.mapped(value, lambda: 1 - value * value)

    def erf(self) -> Self:
        """erf'(x) = 2 / sqrt(pi) exp(-x^2), with pi = 4 arctan 1 from the number system itself."""
        x = self.value
        return self.mapped(x.erf(), lambda: np.exp(-(x * x)) * (2 / np.sqrt(pi(like=x))))

    def maximum(self, other: Self) -> Self:
        first = (self.value - other.value).heaviside()
        return self.elementwise(
            other, np.maximum(self.value, other.value), lambda g: g * first, lambda g: g * (1 - first)
        )

    def matmul(self, other: Self) -> Self:
        """A matrix that all examples of a batch are multiplied with gets one product of all their rows: its sums, in any
        order, run over the batch too."""
        a, b = self.value, other.value
        rows = as_rows if b.ndim == 2 < a.ndim else lambda x: x
        return self.elementwise(other, a @ b, lambda g: g @ transposed(b), lambda g: transposed(rows(a)) @ rows(g))


def boundary(x: Any) -> Any:
    """The result of a component or a projection: bounded numbers are rounded to the output's format under `layer`.

    So is the cotangent that crosses it on the way back. A result may be nested.
    """
    if isinstance(x, dict):
        return {name: boundary(item) for name, item in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(boundary(item) for item in x)
    if isinstance(x, Bounded):
        return x.boundary()
    if isinstance(x, Tape) and isinstance(x.value, Bounded):
        return Tape(x.value.boundary(), [(x, lambda g: g)], is_boundary=True)
    return x


def pi(*, like: Any) -> Any:
    """The circle's number: certified over balls, the nearest float, with its rounding, over bounded numbers."""
    from flint import arb

    from veriformer.spec.numbers.ball import Ball
    from veriformer.spec.numbers.float_ball import FloatBall

    if isinstance(like, Ball):
        return Ball(arb.pi())
    if isinstance(like, FloatBall):
        return like.around(np.asarray(np.pi), 2.0**-52)
    if isinstance(like, Bounded):
        return like.of(np.pi, like.precision.step.half_ulp(np.asarray(np.pi)))
    return like.lift(pi(like=like.value)) if isinstance(like, Tape) else number(np.pi, like=like)


def as_rows(x: Any) -> Any:
    """A batch of matrices as one, row under row."""
    return x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of an argument that was broadcast: one sum over all the axes it did not have, in any order."""
    added = g.ndim - len(shape)
    repeated = [axis for axis in range(g.ndim) if axis < added or shape[axis - added] != g.shape[axis]]
    if not repeated:
        return g
    kept = [axis for axis in range(g.ndim) if axis not in repeated]
    count = int(np.prod([g.shape[axis] for axis in repeated]))
    stacked = np.transpose(g, [*repeated, *kept]).reshape(count, *(g.shape[axis] for axis in kept))
    return stacked.sum(0).reshape(shape)


def pull_back(output: Tape, cotangent: Any, sources: Sequence[Tape]) -> list[Any]:
    """The cotangent of each source, given that of the output; None where nothing flows back.

    Only what leads back to a source is followed: constants that were lifted on the way need no cotangent. At a boundary,
    and at a source, each cotangent that arrives may be rounded to the output's format, and so may their sum.
    """
    wanted = {id(source) for source in sources}
    outside = {id(node) for node in sources}
    order = in_order(output)
    for node in order:
        if any(id(source) in wanted for source, _ in node.sources):
            wanted.add(id(node))
    cotangents: dict[int, Any] = {id(output): cotangent}
    for node in reversed(order):
        g = cotangents.get(id(node))
        for source, back in node.sources if g is not None else ():
            if id(source) in wanted:
                crosses = source.is_boundary or id(source) in outside
                flow = boundary(back(g)) if crosses else back(g)
                known = cotangents.get(id(source))
                total = flow if known is None else gathered(known, flow)
                cotangents[id(source)] = boundary(total) if crosses and known is not None else total
    return [cotangents.get(id(source)) for source in sources]


def gathered(known: Any, flow: Any) -> Any:
    """The sum of two cotangents of one value. Where a lemma bounds one flow, code that differentiates operation by operation
    may add it in parts: a layer norm meets x in the mean and in the deviation, an rms norm three times.

    Each of two more additions rounds a partial sum, which is at most |known| + |flow| and the sizes of the parts; a lemma's
    error is at least 16 u of those, so an eighth of it covers their share.
    """
    total = known + flow
    if not isinstance(total, Bounded):
        return total
    with np.errstate(all="ignore"):
        partial = total.precision.step.half_ulp(np.abs(known.value) + np.abs(flow.value))
        error = total.error + 2 * partial + (known.error + flow.error) / 8
    return total.of(total.value, or_infinite(error))


def in_order(output: Tape) -> list[Tape]:
    """Every value behind the output, each after the values it was made from."""
    order: list[Tape] = []
    seen: set[int] = set()
    waiting: list[tuple[Tape, bool]] = [(output, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((source, False) for source, _ in node.sources)
    return order
