"""Truth: what the formula certainly answers to a question, how far an honest answer may be from it, and the cache of both."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.law import Evidence, as_float64, differing, says_something
from veriformer.spec import Component, Slip, made
from veriformer.spec.component import largest
from veriformer.spec.numbers import Ball, Bounded, Number, Tape, pull_back, working_precision
from veriformer.spec.numbers.precision import OUTWARD, Precision

BITS = (128, 256, 512, 1200, 2400, 4800)
"""Working precisions tried, until the truth's radius is at most 1/1024 of the bound."""
SHARPNESS = 1.0 / 1024
VANISHING = 2.0**-64
"""Between the first two of these precisions the enclosure of a true 0 shrinks by more than this: by about 2^-128."""


def place(path: Path) -> str:
    """Which output."""
    return "output" + "".join(f"[{key!r}]" for key in path)


def within(path: Path) -> str:
    """Which of several outputs, in words that go on; nothing where there is but one."""
    return place(path).removeprefix("output")


@dataclass
class Truth:
    """The bound of one output or gradient, and, when it is first needed, its certified value.

    value: near the truth, from the bounded numbers. formula: the balls at a working precision. given_scale: what the component
    says of its scale, if it does. on_failure: called when 4,800 bits certify too little.
    """

    value: np.ndarray
    bound: np.ndarray
    given_scale: Any
    formula: Callable[[int], Ball]
    on_failure: Callable[[], None] = lambda: None
    layer: np.ndarray | None = None
    """Of a half type judged as `eager`: the bound of who computes in float32 inside."""
    nan_is_said: bool = True
    """Does a convention say nan where the formula is none? Else nobody says what 0 / 0 is (eps = 0, and x = 0). With
    a slip in it, the formula is taken as it stands."""

    @cached_property
    def scale(self) -> np.ndarray:
        """Beyond a quarter of this the bound says nothing: what the component says, or the largest element of the array; 0,
        where any bound says something, if the whole array is truly 0."""
        size = self.given_scale
        if size is None:
            size = 0.0 if self.vanishes() else largest(finite_part(self.value))
        return np.broadcast_to(size, self.bound.shape)

    def vanishes(self) -> bool:
        """Is the true array 0 (the gradient of a key's bias is)? In floats it may be noise, in bounded numbers too; the balls
        hold 0 and nothing far from it, however sharp they become."""
        if not self.value.any():
            return True
        sizes, noise = np.abs(self.value), self.bound
        if not (sizes <= noise).all():
            return False
        first, second = (self.formula(bits) for bits in BITS[:2])
        radii = first.radii()
        if not (np.isfinite(radii) & first.may_vanish() & second.may_vanish()).all():
            return False
        return bool((second.radii() <= VANISHING * radii).all())

    @cached_property
    def ball(self) -> Ball:
        """The truth, as sharp as the bound deserves.

        A radius that two higher precisions do not shrink is the enclosure of a kink: it stays part of the truth, which is
        then an interval.
        """
        sharpest = self.bound if self.layer is None else np.minimum(self.bound, self.layer)
        wanted = np.where(self.useful, SHARPNESS * sharpest, np.inf)
        before, stuck = np.full(self.bound.shape, np.inf), np.zeros(self.bound.shape, int)
        for bits in BITS:
            ball = self.formula(bits)
            radii = ball.radii()
            with np.errstate(invalid="ignore"):
                stuck = np.where(np.isfinite(radii) & (radii > before / 2), stuck + 1, 0)
                unknown = self.useful & ~(radii <= wanted) & (stuck < 2)
            if not unknown.any():
                return ball
            before = radii
        self.on_failure()
        self.bound = np.where(unknown, np.inf, self.bound)
        return ball

    @property
    def useful(self) -> np.ndarray:
        """Where the bound says something, and the formula is a number at all (a convention may make it nan)."""
        counts = says_something(self.bound, self.scale)
        if self.layer is not None:
            counts = counts | says_something(self.layer, self.scale)
        return ~np.isnan(self.value) & counts

    def distances(self, got: np.ndarray) -> np.ndarray:
        """How far an answer certainly is from the truth; inf where it is not a finite number and should be one."""
        got = as_float64(got)
        finite = np.isfinite(got)
        away = self.ball.distances(np.where(finite, got, 0.0))
        observed = np.where(finite, np.where(np.isnan(away), 0.0, away), np.inf)
        return np.where(self.undefined, np.where(np.isnan(got), 0.0, np.inf), observed)

    @property
    def undefined(self) -> np.ndarray:
        """Where the formula itself is not a number."""
        strange = np.isnan(self.value)
        return strange & ~self.ball.finite() if strange.any() else strange

    def evidence(self, comparison: str, got: np.ndarray) -> Evidence:
        """The answer beside the truth."""
        if got.shape != self.value.shape:
            return differing(f"shape of the {comparison}", got.shape, self.value.shape)
        observed = self.distances(got)  # first: to certify may show that there is no bound
        allowed = np.where(self.undefined, 0.0, self.bound)
        wanted = np.where(self.undefined, np.nan, self.ball.centres())
        layer = None if self.layer is None else np.where(self.undefined, 0.0, self.layer)
        scale = self.scale if self.nan_is_said else np.where(self.undefined, np.nan, self.scale)
        return Evidence(comparison, observed, allowed, scale, as_float64(got), wanted, layer=layer)


@dataclass
class Truths:
    """A cache: one certified truth serves all implementations that are asked the same question."""

    capacity: int = 4096
    uncertified: int = 0
    """Truths that 4,800 bits did not certify: a fault of the suite."""
    known: OrderedDict[bytes, Any] = field(default_factory=OrderedDict)

    def of(self, key: bytes, compute: Callable[[], Any]) -> Any:
        """The truth of this key, computed once."""
        if key not in self.known:
            self.known[key] = compute()
            for _, one in self.known[key]:
                one.on_failure = self.count_failure
            if len(self.known) > self.capacity:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        return self.known[key]

    def count_failure(self) -> None:
        """One more truth that is not certified."""
        self.uncertified += 1


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

    def key(self) -> bytes:
        """A digest of all of it."""
        assumed = (
            self.component.name,
            self.component.form,
            sorted(self.conventions.items()),
            self.precision,
            self.layer,
            self.slip and id(self.slip),
        )
        digest = hashlib.sha256(repr(assumed).encode())
        for path, leaf in leaves((self.arguments, dict(self.options), self.aliases, self.cotangent)):
            digest.update(repr(path).encode())
            array = np.asarray(leaf) if isinstance(leaf, np.ndarray) else None
            digest.update(repr((array.shape, str(array.dtype))).encode() if array is not None else repr(leaf).encode())
            if array is not None:
                digest.update(array.tobytes())
        return digest.digest()

    def lifted(self, lift: Callable[[np.ndarray], Any]) -> tuple[tuple[Tree, ...], dict[str, Tree]]:
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

    def formula(self, lift: Callable[[np.ndarray], Any]) -> Any:
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

    def outputs(self) -> list[tuple[Path, Truth]]:
        """Path and truth of every array that the formula answers; one array has the empty path."""

        def flow(lift: Callable[[np.ndarray], Any]) -> list[tuple[Path, Any]]:
            answered = ((path, leaf) for path, leaf in leaves(self.formula(lift)) if leaf is not None)
            return [(path, leaf if isinstance(leaf, Number) else lift(np.asarray(leaf))) for path, leaf in answered]

        scale = None if self.component.scale is None else self.component.scale(*self.arguments, **self.options)
        said = not {"nan", "propagates"}.isdisjoint(map(str, self.conventions.values()))
        return certified(flow, self.precision, self.layer, scale, nan_is_said=said or self.slip is not None)

    def gradients(self) -> list[tuple[Path, Truth]]:
        """Path and truth of the gradient of every floating leaf of the positional arguments.

        What a convention may answer with nan gets no cotangent: there the gradient is that of an answer of 0.
        """
        silent = {c.name for c in self.component.conventions if {"nan", "zero"} <= set(c.values)}
        safe = {name: "zero" if name in silent else value for name, value in self.conventions.items()}

        def flow(lift: Callable[[np.ndarray], Any]) -> list[tuple[Path, Any]]:
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

        return certified(flow, self.precision, self.layer, None, nan_is_said=self.slip is not None)


def certified(
    flow: Callable[[Callable[[np.ndarray], Any]], list[tuple[Path, Any]]],
    precision: Precision,
    layer: Precision | None,
    scale: Any,
    *,
    nan_is_said: bool,
) -> list[tuple[Path, Truth]]:
    """Run a formula over bounded numbers, then over balls as sharp as the bounds deserve, each precision once."""
    with np.errstate(all="ignore"):
        bounded = flow(lambda array: Bounded.given(array, precision))
        also = [None] * len(bounded) if layer is None else flow(lambda array: Bounded.given(array, layer))
    known: dict[int, list[tuple[Path, Ball]]] = {}

    def at(index: int) -> Callable[[int], Ball]:
        def ball(bits: int) -> Ball:
            if bits not in known:
                with working_precision(bits):
                    known[bits] = flow(Ball.given)
            return known[bits][index][1]

        return ball

    truths = [(path, truth(bound, scale, at(index))) for index, (path, bound) in enumerate(bounded)]
    for (_, one), narrower in zip(truths, also, strict=True):
        one.nan_is_said = nan_is_said
        one.layer = None if narrower is None else narrower[1].error * OUTWARD
    return truths


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


def truth(bounded: Bounded, scale: Any, formula: Callable[[int], Ball]) -> Truth:
    """What the bounded numbers say, and how to certify it."""
    bound = bounded.error * OUTWARD
    return Truth(bounded.value, bound, scale, formula)


def finite_part(values: np.ndarray) -> np.ndarray:
    """The values, 0 where they are not finite."""
    return np.where(np.isfinite(values), values, 0.0)
