"""Judging: each component on the input that it gets inside a real model, and the sentence embedding end to end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.discover import Found
from veriformer.impls.protocol import Door, Offer
from veriformer.properties import diagnose
from veriformer.properties.conformance import Suite, is_bad
from veriformer.properties.experiment import Truths
from veriformer.properties.judge import Outcome, Tally, Weighed, counterexample, message_of, try_case, weigh
from veriformer.properties.real import compose, model
from veriformer.properties.real.agreement import LAWS, smallest
from veriformer.properties.real.model import Absent, Page
from veriformer.properties.real.walk import Step, Walk
from veriformer.properties.real.whole import Whole, follow
from veriformer.properties.script import script
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict

EMBEDDING = "sentence_embedding"
"""What the composed model computes, as a name beside those of the components."""


def judge_real(suite: Suite) -> Iterator[Record]:
    """Every implementation of a run on the page, with the run's dtypes, devices, components and seed."""
    real = prepare(suite.budget.seed)
    for found in suite.found:
        for door in doors(suite, found):
            records = (
                iter([door]) if isinstance(door, Record) else judge_door(door, real, suite.budget.seed, suite.truths)
            )
            for record in records:
                if not suite.selection.components or record.component in suite.selection.components:
                    yield with_script(record, found.target)
                    if suite.exit_first and is_bad(record):
                        return


def doors(suite: Suite, found: Found) -> Iterator[Door | Record]:
    """A door for each dtype and device of the run, or the record that says why there is none."""
    if found.implementation is not None:
        for dtype in suite.selection.dtypes or found.implementation.dtypes:
            yield from suite.doors(found.implementation, EMBEDDING, dtype)


def prepare(seed: int = 0) -> Whole | Absent:
    """The installed model on our page, followed once by the spec; or why there is none."""
    try:
        return follow(model.load(), seed)
    except Absent as absent:
        return absent


def judge_door(door: Door, real: Whole | Absent, seed: int = 0, truths: Truths | None = None) -> Iterator[Record]:
    """Compose the model of this door's components and judge each of them, and the whole."""
    if isinstance(real, Absent):
        yield row(door, EMBEDDING, seed, verdict=Verdict.ABSENT, message=f"absent: {real}")
        return
    walk = Walk(door, real.page.cast(door.dtype), seed, Truths() if truths is None else truths)
    started = time.perf_counter()
    hidden = compose.compose(walk.page, walk.page.params, walk.ask)
    for component in compose.COMPONENTS:
        yield of_component(walk, component)
    yield of_embedding(walk, real, hidden, started)


def of_component(walk: Walk, component: str) -> Record:
    """All calls of one component in one row."""
    steps = walk.of(component)
    tally = Tally()
    for step in steps:
        tally.add(step.outcome)
    offer = walk.door.offers.get(component)
    if offer is None:
        return row(walk.door, component, walk.seed, verdict=Verdict.ABSENT, message="not offered")
    common: dict[str, Any] = {
        "conventions": {name: str(value) for name, value in offer.conventions.items()},
        "precision": {"contract": offer.precision or "eager", "computes_in": offer.computes_in or walk.door.dtype},
        "judged": tally.held,
        "abstained": tally.abstained,
        "unsupported": tally.unsupported,
        "worst_ratio": tally.worst_ratio if tally.held else None,
        "worst_ulps": tally.worst_ulps if tally.held else None,
        "seconds": sum(step.seconds for step in steps),
    }
    bad = max((step for step in steps if step.outcome.bad), key=severity, default=None)
    if bad is None:
        message = "; ".join(filter(None, (tally.why(), coverage(steps))))
        return row(walk.door, component, walk.seed, verdict=tally.verdict(), message=message, **common)
    return row(walk.door, component, walk.seed, **common, **refutation(walk, offer, bad))


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
        "diagnosis": diagnose.cause(
            named, [case], experiment, lambda c, e: try_case(law, c, e).verdict is Verdict.HELD
        ),
    }


def of_embedding(walk: Walk, real: Whole, hidden: np.ndarray, started: float) -> Record:
    """The whole model, from tokens to embeddings."""
    gaps = {f"{s.component} ({s.outcome.reason or s.outcome.verdict})": None for s in walk.steps if s.answered is None}
    reason = f"composed without {', '.join(gaps)}" if gaps else ""
    if not real.page.is_exact_in(walk.door.dtype):
        reason = f"{walk.door.dtype} does not hold the weights: rounded, they are another model's"
    if reason:
        return row(walk.door, EMBEDDING, walk.seed, verdict=Verdict.UNSUPPORTED, unsupported=1, message=reason)
    local = {step.where: np.asarray(step.answered.allowed) for step in walk.steps if step.answered is not None}
    tally, worst = Tally(), None
    for evidence in real.evidence(hidden, local):
        outcome = outcome_of(weigh(evidence, walk.door.dtype))
        tally.add(outcome)
        worst = max(filter(None, (worst, outcome.worst)), key=lambda weighed: weighed.ratio, default=None)
    broken = worst is not None and worst.refuted
    return row(
        walk.door,
        EMBEDDING,
        walk.seed,
        verdict=Verdict.BROKEN if broken else tally.verdict(),
        judged=tally.held,
        abstained=tally.abstained,
        worst_ratio=tally.worst_ratio if tally.held else None,
        worst_ulps=tally.worst_ulps if tally.held else None,
        seconds=time.perf_counter() - started,
        message=f"{real.page.name}, {len(real.page.tokens)} sentences. The allowed error is every call's bound carried "
        "through the model's derivatives: the worst case, to first order in the roundoffs",
        counterexample=shown(real.page, worst) if worst is not None and broken else None,
    )


def outcome_of(weighed: Weighed) -> Outcome:
    """One element of the embedding as a case of its own."""
    if weighed.refuted:
        return Outcome(Verdict.BROKEN, (weighed,))
    return Outcome(Verdict.HELD if weighed.judged else Verdict.ABSTAINED, (weighed,))


def shown(page: Page, weighed: Weighed) -> dict[str, Any]:
    """The sentence whose embedding is worst."""
    evidence = weighed.evidence
    sentence = int(evidence.comparison.removeprefix("embedding[").split(",")[0])
    text = page.sentences[sentence] if page.sentences else ""
    return {
        "arguments": {"sentence": text, "tokens": page.tokens[sentence][page.kept[sentence]]},
        "comparison": evidence.comparison,
        "got": evidence.got,
        "wanted": evidence.wanted,
        "observed": evidence.observed,
        "allowed": evidence.allowed,
        "ratio": weighed.ratio,
        "ulps": weighed.ulps,
        "index": list(weighed.index),
        "examples": 1,
    }


def with_script(record: Record, target: str) -> Record:
    """The lines that show a component's counterexample again."""
    example = record.counterexample
    if example is None or record.component == EMBEDDING:
        return record
    return replace(record, counterexample={**example, "script": script(record, target)})


SENTENCES = {
    EMBEDDING: "Sentence embeddings of a model composed of the components are the spec's, within every call's bound.",
    **{component: law.sentence for component, law in LAWS.items()},
}


def row(door: Door, component: str, seed: int, **fields: Any) -> Record:
    """One verdict on real input."""
    law = "the_sentence_embedding_is_the_specs" if component == EMBEDDING else LAWS[component].name
    return Record(
        kind="verdict",
        implementation=door.name,
        component=component,
        law=law,
        sentence=SENTENCES[component],
        dtype=door.dtype,
        device=door.device,
        seed=seed,
        **fields,
    )
