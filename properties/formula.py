"""Formula: a component at one input, in any number system: everything that a truth depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.truth import Flow, Lift, Truth, certified
from veriformer.spec import Component, Slip, made, times_made
from veriformer.spec.numbers import Number, Tape, pull_back
from veriformer.spec.numbers.precision import FLOAT64, Precision

LARGE_FOR_FLOATS = 640
"""From so many numbers on, a formula over balls of floats takes less time than over balls of Arb."""


@dataclass(frozen=True)
class Question:
    """One input to a component, and what is assumed: everything that its truth depends on."""

    component: Component
    arguments: tuple[Tree, ...]
    options: Mapping[str, Tree]
    conventions: Mapping[str, Any]
    precision: Precision
    aliases: tuple[tuple[int, ...], ...] = ()
    cotangent: np.ndarray | None = None
    layer: Precision | None = None
    """What else may be promised of the same arithmetic, to be judged on the same truth."""
    slip: Slip | None = None
    """The one thing that is changed in the formula, to see whether it explains an answer."""

    @cached_property
    def key(self) -> bytes:
        """A digest of all of it."""
        conventions = sorted(self.conventions.items())
        assumed = f"{self.component.name} {self.component.form} {conventions} {self.slip and id(self.slip)}"
        parts = [assumed.encode(), spelled_out(self.precision), spelled_out(self.layer)]
        for path, leaf in leaves((self.arguments, dict(self.options), self.aliases, self.cotangent)):
            if isinstance(leaf, np.ndarray):
                parts += [f"{path} {leaf.shape} {leaf.dtype.num}".encode(), leaf.tobytes()]
            else:
                parts.append(f"{path} {leaf!r}".encode())
        return hashlib.sha256(b"\0".join(parts)).digest()

    def lifted(self, lift: Lift) -> tuple[tuple[Tree, ...], dict[str, Tree]]:
        """Arguments and options with every floating array in a number system; aliases stay one object.

        A formula into which no array goes learns its number system from `like`, whether or not the implementation takes it.
        """

        def change(_: Path, leaf: Any) -> Any:
            return lift(leaf) if is_floating(leaf) else leaf

        shared = {other: group[0] for group in self.aliases for other in group[1:]}
        arguments: list[Tree] = []
        for position, argument in enumerate(self.arguments):
            arguments.append(arguments[shared[position]] if position in shared else rebuild(argument, change))
        like = {"like": np.zeros(0)} if "like" in self.component.options else {}
        return tuple(arguments), {name: rebuild(value, change) for name, value in {**like, **self.options}.items()}

    def formula(self, lift: Lift) -> Any:
        """The spec's answer in a number system."""
        arguments, options = self.lifted(lift)
        with made(self.slip):
            return self.component(*arguments, **options, **self.conventions)

    def in_floats(self) -> Any:
        """The formula's answer, in float64. Raises ValueError outside its domain."""
        with np.errstate(all="ignore"):
            return self.formula(lambda array: array.astype(np.float64))

    def has_an_answer(self) -> bool:
        """Is it in the domain of the formula?"""
        try:
            self.in_floats()
        except ValueError:
            return False
        return True

    def answered(self, lift: Lift) -> list[tuple[Path, Any]]:
        """Path and numbers of every array that the formula answers; one array has the empty path."""
        answered = ((path, leaf) for path, leaf in leaves(self.formula(lift)) if leaf is not None)
        return [(path, leaf if isinstance(leaf, Number) else lift(np.asarray(leaf))) for path, leaf in answered]

    def pulled(self, lift: Lift) -> list[tuple[Path, Any]]:
        """Path and numbers of the gradient of every floating leaf of the positional arguments.

        What a convention may answer with nan gets no cotangent: there the gradient is that of an answer of 0.
        """
        silent = {c.name for c in self.component.conventions if {"nan", "zero"} <= set(c.values)}
        safe = {name: "zero" if name in silent else value for name, value in self.conventions.items()}
        arguments, _ = self.lifted(lambda array: Tape(lift(array)))
        _, options = self.lifted(lift)
        sources = list(distinct(arguments))
        with made(self.slip):
            output = self.component(*arguments, **options, **safe)
        found = pull_back(output, lift(np.asarray(self.cotangent)), [leaf for _, leaf in sources])
        return [
            (path, lift(np.zeros(leaf.shape)) if flown is None else flown)
            for (path, leaf), flown in zip(sources, found, strict=True)
        ]

    @property
    def scale(self) -> Any:
        """What the component says of the size of its answer; None where it says nothing."""
        return None if self.component.scale is None else self.component.scale(*self.arguments, **self.options)

    @property
    def nan_is_said(self) -> bool:
        """Is there a convention under which the answer may be nan?"""
        said = not {"nan", "propagates"}.isdisjoint(map(str, self.conventions.values()))
        return said or self.slip is not None

    def outputs(self) -> list[tuple[Path, Truth]]:
        """Path and truth of every array that the formula answers."""
        return self.truths(self.answered, self.scale, nan_is_said=self.nan_is_said)

    def gradients(self) -> list[tuple[Path, Truth]]:
        """Path and truth of the gradient of every floating leaf of the positional arguments."""
        return self.truths(self.pulled, None, nan_is_said=self.slip is not None)

    def truths(self, flow: Flow, scale: Any, *, nan_is_said: bool) -> list[tuple[Path, Truth]]:
        """Path and truth of every array that comes out of a flow."""
        assumed, floats = (self.precision, self.layer), self.suits_floats
        slips = 0 if self.slip is None else times_made(self.in_floats)[1]
        return certified(flow, *assumed, scale, nan_is_said=nan_is_said, in_floats=floats, slips=slips)

    @property
    def suits_floats(self) -> bool:
        """Is it large enough for arrays of floats to be the faster balls, and judged in less than float64?"""
        numbers = sum(leaf.size for _, leaf in leaves((self.arguments, dict(self.options))) if is_floating(leaf))
        return numbers >= LARGE_FOR_FLOATS and self.precision.step.digits < FLOAT64.digits


@lru_cache
def spelled_out(precision: Precision | None) -> bytes:
    """A precision as bytes: there are few, and each is met again and again."""
    return repr(precision).encode()


def distinct(arguments: tuple[Tree, ...]) -> Iterator[tuple[Path, Tape]]:
    """The tapes among the arguments, each object once, where it stands first."""
    seen: set[int] = set()
    for path, leaf in leaves(arguments):
        if isinstance(leaf, Tape) and id(leaf) not in seen:
            seen.add(id(leaf))
            yield path, leaf


def is_floating(leaf: Any) -> bool:
    """A floating-point array (bfloat16 is one, of NumPy kind V)."""
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fV"
