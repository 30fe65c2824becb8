"""Law: one sentence that must hold for every input in its domain, and the experiment that can refute it.

A law draws a case, asks the implementation, and returns evidence: observed and allowed difference, element by element.
It never decides; judge.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.properties.probes import SQUARES, Draw, Row, Top

if TYPE_CHECKING:
    from veriformer.properties.experiment import Experiment


@dataclass(frozen=True)
class Case:
    """One drawn input: what the law's experiment starts from, and all that a counterexample needs."""

    arguments: tuple[Tree, ...] = ()
    options: Mapping[str, Tree] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the law drew besides: a permutation, a shift, a cotangent."""
    layouts: Mapping[Path, str] = field(default_factory=dict)
    aliases: tuple[tuple[int, ...], ...] = ()
    fixed: frozenset[Path] = frozenset()
    """Leaves that the law's premise rests on, as paths into (arguments, options, extra): no smaller example changes them."""
    extension: str = ""
    """Why the case lies beyond the paper ("grouped heads"): there an exception means `unsupported`, not `crashed`."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """How it was drawn: the number of its row in the law's sizes, the kind of its values, the seed."""

    def but(self, **changes: Any) -> Case:
        """The same case with something changed."""
        return replace(self, **changes)

    def with_arguments(self, arguments: Iterable[Tree], **changes: Any) -> Case:
        """The same case with other arguments; positions that are handed over as one object stay one."""
        given = tuple(arguments)
        for group in self.aliases:
            given = tuple(given[group[0]] if position in group else a for position, a in enumerate(given))
        return self.but(arguments=given, **changes)

    def replacing(self, position: int, value: Tree) -> Case:
        """The same case with another argument."""
        return self.but(arguments=(*self.arguments[:position], value, *self.arguments[position + 1 :]))


@dataclass(frozen=True)
class Evidence:
    """What came out, what should have come out, and how far apart they are and may be, per element.

    scale: beyond a quarter of it a bound says nothing; None where nothing may differ at all.
    """

    comparison: str
    observed: np.ndarray
    allowed: np.ndarray
    scale: Any = None
    got: Any = None
    wanted: Any = None
    bitwise: bool | None = None
    layer: np.ndarray | None = None
    """The difference allowed to who computes in float32 inside a component, where more is allowed to everybody."""


LARGE = "sizes of real models"
"""An extension: cases of many rows, columns or positions."""
NOT_SEPARATED = "the truth itself does not show the effect"
"""Why an existential law is not asked of a case."""


class NotJudged(Exception):
    """The case is not one that the law can judge, and why."""


@dataclass(frozen=True)
class Law:
    """A sentence and its experiment.

    name: as a mathematician would say it. component: whose law it is. draw: makes a case from a draw, or raises
    NotJudged. test: the experiment. needs: keywords without which there is nothing to ask. gradients: asks for
    gradients. rows: the menu of sizes. thorough: meets every kind in every size, not each once.
    backends: only these, when the sentence makes no sense elsewhere. existential: asked only where the truth itself shows
    the effect; where fewer than half of the draws do, the suite has failed, not the implementation. form: of which form of
    the component. subject: what all of its laws share, where it is searched. dear: a case costs seconds, and Hypothesis
    draws no further ones, as where at_random is false. statistical: an experiment of fixed size, made once for each row and
    never searched: to search is to stop when it looks bad.
    """

    name: str
    sentence: str
    component: str
    draw: Callable[[Draw], Case]
    test: Callable[[Case, Experiment], Evidence | tuple[Evidence, ...]]
    rows: tuple[Row, ...]
    needs: tuple[str, ...] = ()
    gradients: bool = False
    thorough: bool = False
    top: Top = SQUARES
    kinds: tuple[str, ...] | None = None
    backends: tuple[str, ...] | None = None
    existential: bool = False
    reaching: bool = False
    """Does it meet the sizes that take a reach: off the border of a tile, and long?"""
    form: str = "function"
    subject: Subject | None = None
    dear: bool = False
    statistical: bool = False
    at_random: bool = True
    after_earlier_calls: bool = False
    """Does it compare with the formula an answer that earlier calls may have spoilt? It speaks of who meets the formula without
    them."""
    in_each_dtype: bool = False
    """Is it asked of a stack in every dtype, where each size takes seconds to compile? What the others speak of is wired in one
    dtype as in another, and is asked of float32."""


@dataclass(frozen=True)
class Subject:
    """What the laws of a component share: its menu of sizes, smallest first, and how to draw its arguments.

    batched: names of arguments and options with leading batch axes, and the number of axes of one example.
    top: the largest magnitude drawn. differentiable: are its gradients judged?
    """

    component: str
    rows: tuple[Row, ...]
    draw: Callable[[Draw], Case]
    batched: Mapping[str, int] = field(default_factory=dict)
    top: Top = SQUARES
    differentiable: bool = False
    kinds: tuple[str, ...] | None = None
    arrays: bool = True
    """Do arrays go in? Where none do, there is nothing to overwrite or to lay out, and no dtype to keep."""
    follow: tuple[int, ...] = ()
    """Which of several outputs are judged on others, as they were answered: honest answers may differ in them by more than
    their bounds, where the others differ by a rounding (Adam turns a rounding into a step of lr)."""
    alike: tuple[str, ...] = ()
    """Arguments that may be equal, and then one object; which of them have one shape depends on the case."""
    laid_out: bool = True
    """Is the answer the same however its arguments lie in memory? A mask may be drawn in the order of memory."""
    stack: bool = False
    """Made of several components: its worst-case bounds grow from one to the next, and may say nothing."""
    form: str = "function"
    own_rows: tuple[Row, ...] | None = None
    """The sizes of its own laws, where the universal ones meet further ones: those with dropout, say."""
    large: tuple[Row, ...] = ()
    """Sizes of real models, beyond numbers that code is often written around."""

    def law(
        self,
        sentence: str,
        *,
        draw: Callable[[Draw], Case] | None = None,
        rows: tuple[Row, ...] | None = None,
        needs: tuple[str, ...] = (),
        gradients: bool = False,
        kinds: tuple[str, ...] | None = None,
        existential: bool = False,
        dear: bool = False,
        statistical: bool = False,
    ) -> Callable[[Callable[..., Any]], Law]:
        """Declare the function below as a law of this component: `(case, experiment) -> Evidence`."""

        def declare(test: Callable[..., Any]) -> Law:
            return Law(
                name=test.__name__,
                sentence=sentence,
                component=self.component,
                draw=draw or self.draw,
                test=test,
                rows=next(r for r in (rows, self.own_rows, self.rows) if r is not None),
                needs=needs,
                gradients=gradients,
                top=self.top,
                kinds=kinds or self.kinds,
                existential=existential,
                form=self.form,
                subject=self,
                dear=dear,
                statistical=statistical,
            )

        return declare


VACUOUS = 0.25
"""A bound beyond this share of the scale says nothing."""


def says_something(allowed: np.ndarray, scale: Any) -> np.ndarray:
    """Where a bound is finite and at most a quarter of the scale; a scale of 0, an array that is truly 0, always counts."""
    return np.asarray(np.isfinite(allowed) & ((allowed <= VACUOUS * scale) | (scale == 0)))


def relation(comparison: str, got: Any, wanted: Any, allowed: Any, scale: Any = 0.0) -> Evidence:
    """Two answers that the law makes equal: the difference observed, beside the one allowed.

    The difference of two numbers of a dtype is taken in float64: exact for the narrower types, and within one rounding,
    which the outward-rounded bounds cover, for float64 itself. A non-finite answer is infinitely far from a finite one.
    """
    got, wanted = as_float64(got), as_float64(wanted)
    if got.shape != wanted.shape:
        return differing(f"shape of the {comparison}", got.shape, wanted.shape)
    with np.errstate(all="ignore"):
        observed = np.abs(got - wanted)
    same = (np.isnan(got) & np.isnan(wanted)) | (got == wanted)
    observed = np.where(same, 0.0, np.where(np.isnan(observed), np.inf, observed))
    return Evidence(comparison, observed, np.broadcast_to(allowed, observed.shape), scale, got, wanted)


def among(evidence: Evidence, kept: np.ndarray) -> Evidence:
    """The evidence on the elements kept; nothing is said of the others."""
    if evidence.scale is None:  # what must be equal is equal as a whole
        return evidence
    return replace(
        evidence, allowed=np.where(kept, evidence.allowed, 0.0), scale=np.where(kept, evidence.scale, np.nan)
    )


def not_above(comparison: str, got: Any, limit: Any, allowed: Any, scale: Any = 0.0) -> Evidence:
    """got <= limit: only what is above counts."""
    evidence = relation(comparison, got, limit, allowed, scale)
    above = np.where(as_float64(got) <= as_float64(limit), 0.0, evidence.observed)
    return replace(evidence, observed=above)


def differing(comparison: str, got: Any, wanted: Any) -> Evidence:
    """Something that must be equal and is not, or is: equality itself is the observation."""
    apart = 0.0 if np.array_equal(np.asarray(got), np.asarray(wanted)) else np.inf
    return Evidence(comparison, np.array([apart]), np.zeros(1), None, got, wanted)


def times(array: np.ndarray, factor: Any) -> np.ndarray:
    """An array times powers of two, exactly. Raises NotJudged where that leads out of the dtype's range."""
    with np.errstate(over="ignore", under="ignore"):
        moved = (array * np.asarray(factor).astype(array.dtype)).astype(array.dtype)
    if not np.array_equal(as_float64(moved) / factor, as_float64(array), equal_nan=True):
        raise NotJudged("a power of two leads out of the range of the dtype")
    return np.asarray(moved)


def plus(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A sum that is exact in the dtype. Raises NotJudged where it is not."""
    total = np.asarray(array + other)
    if not np.array_equal(as_float64(total), as_float64(array) + as_float64(other)):
        raise NotJudged("a sum is not exact")
    return total


def as_float64(values: Any) -> np.ndarray:
    """An answer as float64, which holds every number of every dtype judged."""
    return np.asarray(values).astype(np.float64)
