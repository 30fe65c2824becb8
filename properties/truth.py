"""Truth: what the formula certainly answers to a question, how far an honest answer may be from it, and the cache of both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path
from veriformer.properties.law import Evidence, as_float64, differing, says_something
from veriformer.spec import times_made
from veriformer.spec.component import largest
from veriformer.spec.numbers import Ball, Bounded, Enclosure, FloatBall, TooCoarse, working_precision
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

    value: near the truth, from the bounded numbers. formula: the balls at a working precision. in_floats: the balls of floats,
    where there are any. given_scale: what the component says of its scale, if it does. on_failure: called when 4,800 bits
    certify too little.
    """

    value: np.ndarray
    bound: np.ndarray
    given_scale: Any
    formula: Callable[[int], Ball]
    in_floats: Callable[[], Enclosure | None] = lambda: None
    on_failure: Callable[[], None] = lambda: None
    layer: np.ndarray | None = None
    """Of a half type judged as `eager`: the bound of who computes in float32 inside."""
    nan_is_said: bool = True
    """Does a convention say nan where the formula is none? Else nobody says what 0 / 0 is (eps = 0, and x = 0). With
    a slip in it, the formula is taken as it stands."""
    value_has_slip: bool = True
    """Was the slip, if there is one, made wherever the bounded numbers went? Else the value may be that of the formula
    without it, and only what is certified counts."""

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
        wanted = self.wanted
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

    @cached_property
    def enclosure(self) -> Ball | Enclosure:
        """The truth in balls of floats where those are narrow enough, and the formula is a number everywhere; else `ball`."""
        floats = None if self.strange.any() else self.in_floats()
        return floats if floats is not None and (floats.radii() <= self.wanted).all() else self.ball

    @property
    def wanted(self) -> np.ndarray:
        """How narrow the truth must be."""
        sharpest = self.bound if self.layer is None else np.minimum(self.bound, self.layer)
        return np.where(self.useful, SHARPNESS * sharpest, np.inf)

    @property
    def useful(self) -> np.ndarray:
        """Where the bound says something, and the formula is a number at all (a convention may make it nan)."""
        counts = says_something(self.bound, self.scale)
        if self.layer is not None:
            counts = counts | says_something(self.layer, self.scale)
        return ~self.strange & counts

    @cached_property
    def strange(self) -> np.ndarray:
        """Where the value is not a number."""
        return np.isnan(self.value)

    def distances(self, got: np.ndarray) -> np.ndarray:
        """How far an answer certainly is from the truth; inf where it is not a finite number and should be one."""
        got = as_float64(got)
        finite = np.isfinite(got)
        away = self.enclosure.distances(got if finite.all() else np.where(finite, got, 0.0))
        observed = np.where(finite, np.where(np.isnan(away), 0.0, away), np.inf)
        return self.where_defined(observed, np.where(np.isnan(got), 0.0, np.inf))

    def where_defined(self, array: Any, instead: Any) -> Any:
        """The array, and something else where the formula itself is not a number."""
        return np.where(self.undefined, instead, array) if self.undefined.any() else array

    @cached_property
    def undefined(self) -> np.ndarray:
        """Where the formula itself is not a number."""
        return self.strange & ~self.ball.finite() if self.strange.any() else self.strange

    def evidence(self, comparison: str, got: np.ndarray) -> Evidence:
        """The answer beside the truth."""
        if got.shape != self.value.shape:
            return differing(f"shape of the {comparison}", got.shape, self.value.shape)
        observed = self.distances(got)  # first: to certify may show that there is no bound
        allowed = self.where_defined(self.bound, 0.0)
        wanted = self.where_defined(self.enclosure.centres(), np.nan)
        layer = None if self.layer is None else self.where_defined(self.layer, 0.0)
        scale = self.scale if self.nan_is_said else self.where_defined(self.scale, np.nan)
        return Evidence(comparison, observed, allowed, scale, as_float64(got), wanted, layer=layer)

    def at_least(self, comparison: str, got: np.ndarray) -> Evidence:
        """The answer beside the value, and how far it at least is from the truth, which is within the bound of the value.
        Nothing is certified for it."""
        if got.shape != self.value.shape:
            return differing(f"shape of the {comparison}", got.shape, self.value.shape)
        got = as_float64(got)
        with np.errstate(invalid="ignore"):
            away = np.abs(got - self.value) - self.bound
        observed = np.where(np.isfinite(self.value), np.fmax(away, 0.0), 0.0)
        return Evidence(comparison, observed, self.bound, self.scale, got, self.value)


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


Refutes = Callable[[Evidence], bool]
"""The judge's word on evidence. Given by the judge, who alone compares."""


def compared(parts: Sequence[tuple[str, np.ndarray, Truth]], refutes: Refutes | None) -> tuple[Evidence, ...]:
    """Answers beside their truths. refutes: in haste, what is known without certifying is enough if it refutes one of them."""
    if refutes is not None:
        for comparison, got, truth in parts:
            if truth.value_has_slip and refutes(evidence := truth.at_least(comparison, got)):
                return (evidence,)
    return tuple(truth.evidence(comparison, got) for comparison, got, truth in parts)


Lift = Callable[[np.ndarray], Any]
"""From an array to numbers of some system."""
Flow = Callable[[Lift], list[tuple[Path, Any]]]
"""From a number system to the path and the numbers of every array that comes out."""


@dataclass
class Balls:
    """What comes out of a flow over balls, of floats and at each working precision, computed once."""

    flow: Flow
    known: dict[int, list[tuple[Path, Ball]]] = field(default_factory=dict)

    @cached_property
    def coarse(self) -> list[Enclosure] | None:
        """Over balls of floats; None where they do not suffice."""
        try:
            with np.errstate(all="ignore"):
                return [floats.at_rest() for _, floats in self.flow(FloatBall.given)]
        except TooCoarse:
            return None

    def in_floats(self, index: int) -> Callable[[], Enclosure | None]:
        """One of the arrays that come out, over balls of floats."""
        return lambda: None if self.coarse is None else self.coarse[index]

    def at(self, index: int, bits: int) -> Ball:
        """One of the arrays that come out."""
        if bits not in self.known:
            with working_precision(bits):
                self.known[bits] = self.flow(Ball.given)
        return self.known[bits][index][1]

    def of(self, index: int) -> Callable[[int], Ball]:
        """The same, as the formula of that array."""
        return lambda bits: self.at(index, bits)


def certified(
    flow: Flow,
    precision: Precision,
    layer: Precision | None,
    scale: Any,
    *,
    nan_is_said: bool,
    in_floats: bool,
    slips: int = 0,
) -> list[tuple[Path, Truth]]:
    """Run a formula over bounded numbers, then over balls as sharp as the bounds deserve: if so asked, in floats first.
    slips: how often its slip is made in the formula itself."""
    with np.errstate(all="ignore"):
        bounded, made = times_made(lambda: flow(lambda array: Bounded.given(array, precision)))
        also = [None] * len(bounded) if layer is None else flow(lambda array: Bounded.given(array, layer))
    balls = Balls(flow)
    return [
        (
            path,
            Truth(
                one.value,
                one.error * OUTWARD,
                scale,
                balls.of(index),
                layer=None if narrower is None else narrower[1].error * OUTWARD,
                nan_is_said=nan_is_said,
                in_floats=balls.in_floats(index) if in_floats else lambda: None,
                value_has_slip=made == slips,
            ),
        )
        for index, ((path, one), narrower) in enumerate(zip(bounded, also, strict=True))
    ]


def finite_part(values: np.ndarray) -> np.ndarray:
    """The values, 0 where they are not finite."""
    return np.where(np.isfinite(values), values, 0.0)
