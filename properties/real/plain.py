"""Plain: float64 as a number system, so that a tape can run over it: derivatives of the formula, not certified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from veriformer.spec.numbers import Number
from veriformer.spec.numbers import erf as float_erf


class Plain(Number):
    """An array of float64."""

    rank = 1

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, dtype=np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def lift(self, value: Any) -> Self:
        return value if isinstance(value, Plain) else type(self)(value)  # type: ignore[return-value]

    def rearranged(self, move: Callable[[Any], Any]) -> Self:
        return type(self)(move(self.values))

    def joined(self, parts: Sequence[Self], join: Callable[[Sequence[Any]], Any]) -> Self:
        return type(self)(join([part.values for part in parts]))

    def scattered(self, places: np.ndarray, size: int, *, in_place: bool = False) -> Self:
        return type(self)(np.bincount(places.ravel(), weights=self.values.ravel(), minlength=size))

    def near(self) -> np.ndarray:
        return self.values

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Self:
        return type(self)(self.values.sum(axis=axis, keepdims=keepdims))

    def erf(self) -> Self:
        return type(self)(float_erf(self.values))

    def heaviside(self) -> Self:
        """The slope of max(x, 0)."""
        return type(self)(np.heaviside(self.values, 0.5))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or any(isinstance(x, Number) and x.rank > self.rank for x in inputs):
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        return type(self)(ufunc(*[self.lift(x).values for x in inputs]))
