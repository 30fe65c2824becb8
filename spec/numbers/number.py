"""Number: what every number system shares, so that one formula in NumPy's words runs on all of them.

An operation that is not listed here raises: on object arrays NumPy's maximum, sort, sign or clip would silently give
wrong answers, since two overlapping balls are neither larger nor smaller nor equal.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from scipy.special import erf as float_erf

OPERATIONS = MappingProxyType(
    {
        np.add: "add",
        np.subtract: "subtract",
        np.multiply: "multiply",
        np.true_divide: "divide",
        np.negative: "negative",
        np.power: "power",
        np.square: "square",
        np.matmul: "matmul",
        np.exp: "exp",
        np.log: "log",
        np.sqrt: "sqrt",
        np.sin: "sin",
        np.cos: "cos",
        np.tanh: "tanh",
        np.absolute: "absolute",
        np.maximum: "maximum",
    }
)
"""The ufuncs that a spec may use, and the methods that answer them."""

REARRANGEMENTS = frozenset(
    {np.swapaxes, np.reshape, np.broadcast_to, np.transpose, np.expand_dims, np.repeat, np.moveaxis}
)
"""Functions of one array that only move its elements about."""


class Number(NDArrayOperatorsMixin, ABC):
    """An array of numbers of some system. `rank` says who answers when two systems meet: the higher one."""

    __array_priority__ = 1000.0
    rank = 0

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @abstractmethod
    def lift(self, value: Any) -> Self:
        """A constant (integer, float, array of them), or a number of a lower system, as a number of this system."""

    @abstractmethod
    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        """The same numbers elsewhere: `move` is applied to whatever arrays hold them."""

    @abstractmethod
    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        """Several arrays made one by a function such as np.stack, or by choosing between two."""

    @abstractmethod
    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        """A flat array of `size`: at each place the sum of the elements that belong there. in_place: one after the other is
        added to what stands there, as to the rows of a table."""

    @abstractmethod
    def near(self) -> np.ndarray:
        """Floats near the numbers; infinity where that is what was given."""

    @abstractmethod
    def erf(self) -> Self: ...

    @abstractmethod
    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self: ...

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """The sum divided by the count."""
        count = self.size if axis is None else self.shape[axis]
        return self.sum(axis, keepdims) / count

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Self:
        return self.rearranged(lambda array: array[key])

    def reshape(self, *shape: Any) -> Self:
        """The same numbers in another shape."""
        return self.rearranged(lambda array: array.reshape(*shape))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        own = type(self)
        for x in inputs:
            if type(x) is not own and isinstance(x, Number) and x.rank > self.rank:
                return x.__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if method != "__call__" or kwargs or ufunc not in OPERATIONS:
            raise TypeError(f"a spec may not use np.{ufunc.__name__} ({method}) on {type(self).__name__}")
        operation = getattr(own, OPERATIONS[ufunc])
        if ufunc is np.power:
            return operation(self.lift(inputs[0]), inputs[1])
        return operation(*[x if type(x) is own else self.lift(x) for x in inputs])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in REARRANGEMENTS:
            return args[0].rearranged(lambda array: function(array, *args[1:], **kwargs))
        if function is np.where:
            return self.chosen(*args)
        if function in (np.stack, np.concatenate):
            parts = args[0]
            top = max((p for p in parts if isinstance(p, Number)), key=lambda p: p.rank)
            return top.joined([top.lift(p) for p in parts], lambda arrays: function(arrays, *args[1:], **kwargs))
        if function in (np.sum, np.mean):
            return getattr(args[0], function.__name__)(*args[1:], **kwargs)
        raise TypeError(f"a spec may not use np.{function.__name__} on {type(self).__name__}")

    def chosen(self, mask: np.ndarray, yes: Any, no: Any) -> Any:
        """`yes` where the mask is true, `no` elsewhere."""
        top = max((p for p in (yes, no) if isinstance(p, Number)), key=lambda p: p.rank)
        return top.joined([top.lift(yes), top.lift(no)], lambda arrays: np.where(mask, *arrays))

    # What follows is answered by each system; the formulas of power and square are the same in all.
    def power(self, exponent: int) -> Any:
        """A whole power, as products: n - 1 roundings deep whichever way it is split, so that halves do for all of them."""
        if not isinstance(exponent, int) or exponent < 1:
            raise TypeError(f"a spec may raise to whole powers from 1, not {exponent!r}")
        if exponent == 1:
            return self
        half = self.power(exponent // 2)
        return half * half * self if exponent % 2 else half * half

    def square(self) -> Any:
        """x times x."""
        return self * self


def number(value: Any, *, like: Any) -> Any:
    """A constant of the formula, exactly, in the number system of `like`.

    Python would round 1 / sqrt(3) to a float before the number system saw it; `1 / np.sqrt(number(3, like=x))` does not.
    """
    if isinstance(like, Number):
        return like.lift(value)
    dtype = like.dtype if isinstance(like, np.ndarray | np.generic) else np.float64
    return np.asarray(value, dtype)


def near(x: Any) -> np.ndarray:
    """Floats near the numbers of x, to tell an infinity that was given from a number."""
    return x.near() if isinstance(x, Number) else np.asarray(x)


def erf(x: Any) -> Any:
    """erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, which NumPy does not have."""
    return x.erf() if isinstance(x, Number) else float_erf(x)


def transposed(x: Any) -> Any:
    """The last two axes swapped: a matrix, or each matrix of a batch, on its side."""
    return np.swapaxes(x, -1, -2)
