"""Slip: a formula with one thing changed, as it is changed by mistake. When an answer is not the formula's, slips are tried.

A formula is made of parts: functions that can be told apart by name. A slip puts another function in the place of one part;
it stands beside the part that it replaces, and reaches every component in which that part is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

Formula = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Part:
    """A function of the spec in whose place a slip may put another."""

    function: Formula

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.answer(*arguments, **options)

    def answer(self, *arguments: Any, **options: Any) -> Any:
        """What the part answers, or what stands in its place. Inside that the part is itself again."""
        parts, slip = MET.get(), MADE.get()
        if parts is not None:
            parts.add(id(self))
        if slip is None or slip.replaced is not self:
            return self.function(*arguments, **options)
        times = TIMES.get()
        if times is not None:
            times.append(slip)
        with made(None):
            return slip.by(*arguments, **options)

    def slip(self, sentence: str, *, algorithm: bool = False) -> Callable[[Formula], Slip]:
        """Declare the function below as what is written by mistake in the place of this part."""
        return lambda by: Slip(by.__name__, sentence, self, by, algorithm)


@dataclass(frozen=True, eq=False)
class Slip:
    """What people write in the place of a part. sentence: completes "it equals the formula with ...".

    >>> @default_scale.slip("scores that are not scaled")
    ... def no_scale(q): ...
    """

    name: str
    sentence: str
    replaced: Part
    by: Formula
    algorithm: bool = False
    """Equal to the part in exact arithmetic: how far it may be off alone tells it apart. Tried when nothing else explains an
    answer."""


MADE: ContextVar[Slip | None] = ContextVar("the slip that is made", default=None)
MET: ContextVar[set[int] | None] = ContextVar("the parts that were met", default=None)
TIMES: ContextVar[list[Slip] | None] = ContextVar("the slip, as often as it was made", default=None)


@contextmanager
def made(slip: Slip | None) -> Iterator[None]:
    """Inside the block every formula has this slip, or none."""
    token = MADE.set(slip)
    try:
        yield
    finally:
        MADE.reset(token)


def met_by(formula: Callable[[], Any]) -> set[int]:
    """The identities of the parts that a formula runs through."""
    token = MET.set(set())
    try:
        formula()
        return MET.get() or set()
    finally:
        MET.reset(token)


def times_made(formula: Callable[[], Any]) -> tuple[Any, int]:
    """What a formula answers, and how often its slip was made. An algorithm that stands in its place knows of none inside."""
    token = TIMES.set([])
    try:
        return formula(), len(TIMES.get() or ())
    finally:
        TIMES.reset(token)
