"""Judging: each component on the input that it gets inside a real model, and the sentence embedding end to end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Door, Offer
from veriformer.properties import diagnose
from veriformer.properties.judge import Tally, Weighed, counterexample, message_of, try_case, weigh
from veriformer.properties.real import compose, model
from veriformer.properties.real.agreement import LAWS, smallest
from veriformer.properties.real.model import Absent, Page
from veriformer.properties.real.walk import Step, Walk, experiment
from veriformer.properties.real.whole import Whole, follow
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict

EMBEDDING = "sentence_embedding"
"""What the composed model computes, as a name beside those of the components."""


def prepare(seed: int = 0) -> Whole | Absent:
    """The installed model on our page, followed once by the spec; or why there is none."""
    try:
        return follow(model.load(), seed)
    except Absent as absent:
        return absent


def judge_real(door: Door, real: Whole | Absent, seed: int = 0) -> list[Record]:
    """Compose the model of this door's components and judge each of them, and the whole."""
    if isinstance(real, Absent):
        return [row(door, EMBEDDING, seed, verdict=Verdict.ABSENT, message=str(real))]
    walk = Walk(door, real.page.cast(door.dtype), seed)
    started = time.perf_counter()
    hidden = compose.compose(walk.page, walk.page.params, walk.ask)
    records = [of_component(walk, component) for component in compose.COMPONENTS]
    return [*records, of_embedding(walk, real, hidden, started)]


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
    law, asking = LAWS[step.component], experiment(walk.door, offer)
    case, outcome = smallest(law, walk.asked(step.case, offer), step.outcome, asking)
    settled = Settled(dict(offer.conventions))
    named = replace(law, name="agrees_with_the_spec")
    return {
        "verdict": outcome.verdict,
        "message": f"{walk.page.name}, {step.where}: {message_of(step.outcome)}",
        "counterexample": counterexample(law, walk.door, case, outcome, 1, settled),
        "diagnosis": diagnose.cause(named, [case], asking, lambda c, e: try_case(law, c, e).verdict is Verdict.HELD),
    }


def of_embedding(walk: Walk, real: Whole, hidden: np.ndarray, started: float) -> Record:
    """The whole model, from tokens to embeddings."""
    missing = sorted({f"{s.component} ({s.outcome.reason or s.outcome.verdict})" for s in walk.steps if s.everywhere is None})
    reason = f"composed without {', '.join(missing)}" if missing else ""
    if not real.page.is_exact_in(walk.door.dtype):
        reason = f"{walk.door.dtype} does not hold the weights: rounded, they are another model's"
    if reason:
        return row(walk.door, EMBEDDING, walk.seed, verdict=Verdict.UNSUPPORTED, unsupported=1, message=reason)
    local = {step.where: np.asarray(step.everywhere.allowed) for step in walk.steps if step.everywhere is not None}
    weighed = weigh(real.evidence(hidden, local), walk.door.dtype)
    verdict = Verdict.BROKEN if weighed.refuted else Verdict.HELD if weighed.judged else Verdict.ABSTAINED
    return row(
        walk.door,
        EMBEDDING,
        walk.seed,
        verdict=verdict,
        judged=int(weighed.judged),
        abstained=int(not weighed.judged),
        worst_ratio=weighed.ratio if weighed.judged else None,
        worst_ulps=weighed.ulps if weighed.judged else None,
        seconds=time.perf_counter() - started,
        message=f"{real.page.name}, {len(real.page.tokens)} sentences, {real.probes.size} elements; the allowed error is every "
        "call's bound carried through the model's derivatives, worst case, to first order in the roundoffs",
        counterexample=shown(real.page, weighed) if weighed.refuted else None,
    )


def shown(page: Page, weighed: Weighed) -> dict[str, Any]:
    """The sentence whose embedding is worst."""
    sentence = weighed.index[-1]
    evidence = weighed.evidence
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


def real_records(doors: Iterable[Door], seed: int = 0) -> Iterator[Record]:
    """Every door on the same page."""
    real = prepare(seed)
    for door in doors:
        yield from judge_real(door, real, seed)
