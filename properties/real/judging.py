"""Judging: each component on the input that it gets inside a real model, and the sentence embedding end to end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.discover import Found
from veriformer.impls.protocol import Door, Offer, Tree
from veriformer.impls.tree import leaves
from veriformer.properties import diagnose
from veriformer.properties.conformance import Suite
from veriformer.properties.judge import apart, try_case
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import Tally
from veriformer.properties.real import compose, model
from veriformer.properties.real.agreement import LAWS, smallest
from veriformer.properties.real.embedded import EMBEDDING, EMBEDS, embedded
from veriformer.properties.real.model import Absent
from veriformer.properties.real.walk import Step, Walk
from veriformer.properties.real.whole import Whole, follow
from veriformer.properties.script import script
from veriformer.properties.settle import Settled
from veriformer.properties.telling import counterexample, message_of, record
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict

READABLE = 2**16
"""A counterexample of more numbers than this gets no script: nobody would read it."""


def judge_real(suite: Suite) -> Iterator[Record]:
    """Every implementation of a run on the page, with the run's dtypes, devices, components and seed."""
    real = prepare(suite.budget.seed)
    for found in suite.found:
        for row in rows_of(suite, found, real):
            if not suite.selection.components or row.component in suite.selection.components:
                yield with_script(row, found.target)
                if suite.exit_first and row.bad:
                    return


def rows_of(suite: Suite, found: Found, real: Whole | Absent) -> Iterator[Record]:
    """One implementation, in each dtype and on each device of the run."""
    if found.implementation is None:
        return
    for dtype in suite.selection.dtypes or found.implementation.dtypes:
        for door in suite.doors(found, EMBEDDING, dtype):
            if isinstance(door, Record):  # why there is none
                yield door
            else:
                yield from judge_door(door, real, suite.budget.seed, suite.truths)
                door.close()


def prepare(seed: int = 0) -> Whole | Absent:
    """The installed model on our page, followed once by the spec; or why there is none."""
    try:
        return follow(model.load(), seed)
    except Absent as absent:
        return absent


def judge_door(door: Door, real: Whole | Absent, seed: int = 0, truths: Truths | None = None) -> Iterator[Record]:
    """Compose the model of this door's components and judge each of them, and the whole."""
    started = time.perf_counter()
    if isinstance(real, Absent):
        yield record(EMBEDS, door, Budget(seed=seed), started, verdict=Verdict.ABSENT, message=f"absent: {real}")
        return
    walk = Walk(door, real.page.cast(door.dtype), seed, Truths() if truths is None else truths)
    hidden = compose.compose(walk.page, walk.page.params, walk.ask)
    for component in compose.COMPONENTS:
        spent = sum(step.seconds for step in walk.of(component))
        began = time.perf_counter() - spent
        yield record(LAWS[component], door, Budget(seed=seed), began, **of_component(walk, component))
    yield record(EMBEDS, door, Budget(seed=seed), started, **embedded(walk, real, hidden))


def of_component(walk: Walk, component: str) -> dict[str, Any]:
    """All calls of one component in one row: its fields."""
    steps, offer = walk.of(component), walk.door.offers.get(component)
    if offer is None:
        return {"verdict": Verdict.ABSENT, "message": "not offered"}
    tally = Tally()
    for step in steps:
        tally.add(step.outcome)
    common: dict[str, Any] = {
        "conventions": {name: str(value) for name, value in offer.conventions.items()},
        "precision": {"contract": offer.precision or "eager", "computes_in": offer.computes_in or walk.door.dtype},
        "judged": tally.held,
        "abstained": tally.abstained,
        "unsupported": tally.unsupported,
        "worst_ratio": tally.worst_ratio if tally.held else None,
        "worst_ulps": tally.worst_ulps if tally.held else None,
    }
    bad = max((step for step in steps if step.outcome.bad), key=severity, default=None)
    if bad is not None:
        return common | refutation(walk, offer, bad)
    return common | {"verdict": tally.verdict(), "message": "; ".join(filter(None, (tally.why(), coverage(steps))))}


def severity(step: Step) -> tuple[bool, float]:
    """Of several failures the most telling one: broken before crashed, then by its ratio."""
    worst = step.outcome.worst
    return step.outcome.verdict is Verdict.BROKEN, worst.ratio if worst else 0.0


def coverage(steps: list[Step]) -> str:
    """How many elements stood beside what."""
    evidence = [weighed.evidence for step in steps for weighed in step.outcome.weighed]
    sizes = {e.comparison: 0 for e in evidence}
    for e in evidence:
        sizes[e.comparison] += np.size(e.observed)
    return ", ".join(f"{comparison}: {size} elements" for comparison, size in sizes.items())


def refutation(walk: Walk, offer: Offer, step: Step) -> dict[str, Any]:
    """The fields of a failure: where in the model, and a counterexample cut down."""
    law, experiment = LAWS[step.component], walk.experiment(offer)
    case, outcome = smallest(law, walk.asked(step.case, offer), step.outcome, experiment)
    named = replace(law, name="agrees_with_the_spec")  # the law whose failures can be diagnosed
    return {
        "verdict": outcome.verdict,
        "message": f"{walk.page.name}, {step.where}: {message_of(step.outcome)}",
        "counterexample": counterexample(law, walk.door, case, outcome, 1, Settled(dict(offer.conventions))),
        "diagnosis": diagnose.cause(named, [case], (), experiment, lambda c, e: try_case(law, c, e).verdict, apart),
    }


def with_script(row: Record, target: str) -> Record:
    """The lines that show a component's counterexample again."""
    example = row.counterexample
    if example is None or row.component == EMBEDDING or sizes(example["arguments"]) > READABLE:
        return row
    return replace(row, counterexample={**example, "script": script(row, target)})


def sizes(tree: Tree) -> int:
    """How many numbers a tree holds."""
    return sum(np.size(leaf) for _, leaf in leaves(tree))
