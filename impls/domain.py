"""Domain: what the hyper-parameters of a training step may be. Refused before anything is computed, in the caller's words."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any


def require(condition: bool, message: str) -> None:
    """ValueError with the message where the condition does not hold."""
    if not condition:
        raise ValueError(message)


def not_negative(**named: Any) -> None:
    """Each is a finite number from 0."""
    for name, value in plain(named):
        require(0 <= value < float("inf"), f"{name} = {value}: wanted a finite number, 0 or above")


def positive(**named: Any) -> None:
    """Each is a number above 0; it may be infinite, where that means "no limit"."""
    for name, value in plain(named):
        require(value > 0, f"{name} = {value}: wanted a number above 0")


def shares(**named: Any) -> None:
    """Each lies in [0, 1]."""
    for name, value in plain(named):
        require(0 <= value <= 1, f"{name} = {value}: wanted a number from 0 to 1")


def decay_rates(**named: Any) -> None:
    """Each lies in [0, 1): at 1 a moving average never moves, and its bias correction divides by 0."""
    for name, value in plain(named):
        require(0 <= value < 1, f"{name} = {value}: wanted a number from 0 to below 1")


def at_least(lowest: int, **named: Any) -> None:
    """Each is a whole number from `lowest`."""
    for name, value in plain(named):
        require(value >= lowest and value == int(value), f"{name} = {value}: wanted a whole number, {lowest} or above")


def plain(named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Those that are numbers; what a framework traces has no value yet, and cannot be looked at."""
    return [(name, value) for name, value in named.items() if isinstance(value, Real)]


def alike(first: str, arrays: Mapping[str, Any], **others: Mapping[str, Any]) -> None:
    """The others have the names of the first, and arrays of its shapes."""
    for what, found in others.items():
        require(found.keys() == arrays.keys(), f"{what} holds {names(found)}; wanted, as in {first}: {names(arrays)}")
        for name, array in arrays.items():
            came, wanted = tuple(found[name].shape), tuple(array.shape)
            require(came == wanted, f"{what}[{name!r}] has the shape {came}; wanted, as in {first}: {wanted}")


def names(arrays: Mapping[str, Any]) -> str:
    """The names of arrays, for a message."""
    return ", ".join(map(repr, arrays)) or "nothing"
