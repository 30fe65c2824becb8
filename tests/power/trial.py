"""Trial: one implementation on many inputs, each answer put before every policy and before our own judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tests.power.policies import ON_RANDN, OURS, POLICIES, assert_close
from veriformer import Implementation
from veriformer.impls.protocol import Door
from veriformer.impls.torch import impl as plain_torch
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.absent import why_absent
from veriformer.properties.drawn import drawn
from veriformer.properties.experiment import Answer, Asked, Experiment, Misshapen, also_layer, promised
from veriformer.properties.judge import fits, weigh
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget, menu
from veriformer.properties.probes import numpy_dtype
from veriformer.properties.search import sweep
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truth, Truths
from veriformer.spec import COMPONENTS

AGREES, GRADIENTS = "agrees_with_the_spec", "gradients_agree_with_the_spec"


@dataclass
class Said:
    """What one policy said of one implementation: accused on so many of so many inputs."""

    asked: int = 0
    accused: int = 0

    def add(self, accused: bool) -> None:
        self.asked += 1
        self.accused += accused


@dataclass
class Trial:
    """The counts of all policies for one implementation."""

    said: dict[str, Said] = field(default_factory=dict)

    def add(self, policy: str, accused: bool) -> None:
        self.said.setdefault(policy, Said()).add(accused)

    @property
    def decided(self) -> bool:
        """Has every policy accused it already?"""
        return len(self.said) == len(POLICIES) + 2 and all(said.accused for said in self.said.values())


def tried(
    implementation: Implementation,
    component: str,
    dtype: str,
    truths: Truths,
    *,
    rows: int,
    seeds: int,
    to_the_end: bool,
    kinds: tuple[str, ...] | None = None,
) -> Trial:
    """Put an implementation before all policies, on every kind of values (or these) in the first sizes of its menu."""
    door = open_door(implementation, dtype, "cpu")
    settled = settle(door, component, INQUIRIES, fits, truths)
    spec = COMPONENTS[component]
    experiment = Experiment(door, spec, settled.values, promised(door, component), truths, also_layer(door, component))
    plain = replace(experiment, door=open_door(plain_torch, dtype, "cpu"))
    trial = Trial()
    for law in (one for one in LAWS[component] if one.name in (AGREES, GRADIENTS) and not why_absent(one, door)):
        chosen = law if kinds is None else replace(law, kinds=kinds)
        for kind, case in inputs(chosen, door, settled, rows, seeds):
            for got, truth, beside in answers(law, case, experiment, plain):
                weighed = weigh(truth.evidence("answer", got), dtype)
                if not weighed.judged or got.shape != truth.value.shape:
                    continue
                trial.add(OURS, weighed.refuted)
                wanted = np.where(truth.undefined, np.nan, truth.ball.centres())
                wanted = wanted.astype(numpy_dtype(dtype)).astype(np.float64)
                values = np.asarray(got).astype(np.float64)
                for name, policy in POLICIES.items():
                    if beside is not None or name != "FlashAttention's 2x rule":
                        trial.add(name, policy(values, wanted, beside, dtype))
                if kind == "normal":
                    trial.add(ON_RANDN, assert_close(values, wanted, values, dtype))
            if trial.decided and not to_the_end:
                return trial
    return trial


def inputs(law: Law, door: Door, settled: Any, rows: int, seeds: int) -> Iterator[tuple[str, Case]]:
    """Every kind of values in the first sizes, with its name."""
    offer = door.offers[law.component]
    for seed in range(seeds):
        budget = Budget(0, False, seed)
        sizes = menu(law, offer, door, budget, settled)[:rows]
        for draw in sweep(replace(law, thorough=True), sizes, door.dtype, budget):
            case = drawn(law, draw, offer, settled)
            if case is not None:
                yield draw.kind if draw.seed % 3 != 2 else "", case


def answers(law: Law, case: Case, experiment: Experiment, plain: Experiment) -> Iterator[tuple[np.ndarray, Truth, Any]]:
    """What was answered, its truth, and what plain code answers; nothing where the implementation declines."""
    cotangent = case.extra["cotangent"] if law.name == GRADIENTS else None
    try:
        ours = list(parts(law, experiment.ask(case, cotangent=cotangent)))
    except (Asked, Misshapen):
        return
    try:
        others = [part for part, _ in parts(law, plain.ask(case, cotangent=cotangent))]
    except (Asked, Misshapen):
        others = [None] * len(ours)
    for (got, truth), beside in zip(ours, others, strict=True):
        yield got, truth, None if beside is None else np.asarray(beside).astype(np.float64)


def parts(law: Law, answer: Answer) -> Iterator[tuple[np.ndarray, Truth]]:
    """The outputs, or the gradients, each with its truth. A gradient that is missing is no number anywhere."""
    if law.name == AGREES:
        yield from ((answer.output(path), truth) for path, truth in answer.outputs)
        return
    for path, truth in answer.gradient_truths:
        gradient = answer.gradient(path)
        yield np.full(truth.value.shape, np.nan) if gradient is None else np.asarray(gradient), truth
