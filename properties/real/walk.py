"""Walk: an implementation on its way through the model, each of its answers judged where it is given."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from veriformer.impls.protocol import Door, Offer, Tree
from veriformer.impls.tree import rebuild
from veriformer.properties.experiment import Experiment, promised
from veriformer.properties.formula import is_floating
from veriformer.properties.judge import try_case
from veriformer.properties.law import Case, Evidence
from veriformer.properties.menu import admits
from veriformer.properties.outcome import Outcome
from veriformer.properties.probes import numpy_dtype
from veriformer.properties.real import rows
from veriformer.properties.real.agreement import LAWS
from veriformer.properties.real.model import Page
from veriformer.properties.seeds import generator_of
from veriformer.properties.truth import Truths
from veriformer.record import Verdict
from veriformer.spec import COMPONENTS


@dataclass(frozen=True)
class Step:
    """One call inside the model, judged: what was asked, and what came of it."""

    where: str
    component: str
    case: Case
    outcome: Outcome
    seconds: float

    @property
    def answered(self) -> Evidence | None:
        """Every element beside the formula, if an answer came with which one can go on."""
        weighed = self.outcome.weighed
        usable = len(weighed) == 2 and np.isfinite(weighed[0].evidence.got).all()  # two: of the right shape
        return weighed[0].evidence if usable else None


@dataclass
class Walk:
    """An implementation on its way through the model; `page` has its dtype."""

    door: Door
    page: Page
    seed: int = 0
    truths: Truths = field(default_factory=Truths)
    steps: list[Step] = field(default_factory=list)

    def ask(self, where: str, component: str, arguments: tuple[Tree, ...], options: dict[str, Tree]) -> np.ndarray:
        """Ask, judge, and go on with the answer; where none came, with the spec's."""
        started = time.perf_counter()
        aliases = ((0, 1),) if component == "multi_head_attention" and arguments[0] is arguments[1] else ()
        case = Case(arguments, options, aliases=aliases)
        rng = generator_of(self.seed, self.page.name, where)
        case = case.but(extra=rows.drawn(component, case, rng))
        outcome = self.outcome(component, case)
        self.steps.append(Step(where, component, case, outcome, time.perf_counter() - started))
        answered = self.steps[-1].answered
        got = by_the_spec(component, arguments, options) if answered is None else np.asarray(answered.got)
        return got.astype(numpy_dtype(self.door.dtype))

    def outcome(self, component: str, case: Case) -> Outcome:
        """The verdict on one call, or why it cannot be made."""
        offer = self.door.offers.get(component)
        if offer is None:
            return Outcome(Verdict.ABSENT, reason="not offered")
        reason = why_not(component, offer, case)
        if reason:
            return Outcome(Verdict.UNSUPPORTED, reason=reason)
        return try_case(LAWS[component], self.asked(case, offer), self.experiment(offer))

    def asked(self, case: Case, offer: Offer) -> Case:
        """Without the keywords that are not taken: they have their defaults here."""
        return case.but(options={name: value for name, value in case.options.items() if offer.takes(name)})

    def experiment(self, offer: Offer) -> Experiment:
        """One component under its declared conventions. The silent ones, on rows without a key, do not matter here."""
        component = COMPONENTS[offer.component]
        precision = promised(self.door, offer.component)
        return Experiment(self.door, component, dict(offer.conventions), precision, self.truths)

    def of(self, component: str) -> list[Step]:
        """The calls of one component."""
        return [step for step in self.steps if step.component == component]


def why_not(component: str, offer: Offer, case: Case) -> str:
    """Why a component is not the one that this model has: a keyword, a convention or a size; empty if it is."""
    defaults = COMPONENTS[component].options
    for name, value in case.options.items():
        is_default = name in defaults and not isinstance(value, np.ndarray) and value == defaults[name]
        if not (offer.takes(name) or name in offer.conventions or is_default):
            return f"no keyword {name}"
    for name, value in offer.conventions.items():
        convention = COMPONENTS[component].convention(name)
        stated = case.options.get(name, None if convention is None else convention.default)
        if stated is not None and value != stated:
            return f"declares {name}={value!r}, the model has {stated!r}"
    sizes = sizes_of(component, case)
    return "" if admits(offer, sizes) else f"not for these sizes: {sizes}"


def sizes_of(component: str, case: Case) -> dict[str, int]:
    """The sizes of a call, by the names that `only` uses."""
    first = case.arguments[0]
    if component == "learned_positions":
        return {"length": first, "d_model": case.arguments[1].shape[-1]}
    sizes = {"rank": np.ndim(first), "length": np.shape(first)[1], "d_model": np.shape(first)[-1]}
    if component == "embedding":
        return {**sizes, "rank": np.ndim(first) + 1, "d_model": case.arguments[1].shape[-1]}
    if component == "feed_forward":
        return {**sizes, "d_ff": case.arguments[1]["w_1"].shape[-1]}
    if component == "multi_head_attention":
        heads = case.options["n_heads"]
        return {**sizes, "n_heads": heads, "d_k": case.arguments[2]["w_q"].shape[-1] // heads}
    return sizes


def by_the_spec(component: str, arguments: tuple[Tree, ...], options: Mapping[str, Tree]) -> np.ndarray:
    """The formula in float64."""

    def wide(_: Any, leaf: Any) -> Any:
        return leaf.astype(np.float64) if is_floating(leaf) else leaf

    needed = rows.essential(component, arguments)
    return np.asarray(COMPONENTS[component](*rebuild(needed, wide), **options))
