"""Judging: each component on the input that it gets inside a real model, and the sentence embedding end to end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Door, Offer, Tree
from veriformer.impls.tree import rebuild
from veriformer.properties import diagnose
from veriformer.properties.experiment import Experiment, Truths, is_floating
from veriformer.properties.judge import Outcome, Tally, Weighed, counterexample, message_of, try_case, weigh
from veriformer.properties.law import Case, Evidence
from veriformer.properties.probes import numpy_dtype, seed_of
from veriformer.properties.real import compose, model, rows
from veriformer.properties.real.agreement import LAWS, smallest
from veriformer.properties.real.model import Absent, Page
from veriformer.properties.real.whole import Whole, follow
from veriformer.properties.search import admits
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

EMBEDDING = "sentence_embedding"
"""What the composed model computes, as a name beside those of the components."""


@dataclass(frozen=True)
class Step:
    """One call inside the model, judged: what was asked, and what came of it."""

    where: str
    component: str
    case: Case
    outcome: Outcome
    seconds: float

    @property
    def everywhere(self) -> Evidence | None:
        """The comparison of every element, where an answer of the right shape came."""
        return self.outcome.weighed[0].evidence if len(self.outcome.weighed) == 2 else None


@dataclass
class Walk:
    """An implementation on its way through the model; `page` has its dtype."""

    door: Door
    page: Page
    seed: int
    steps: list[Step] = field(default_factory=list)

    def ask(self, where: str, component: str, arguments: tuple[Tree, ...], options: dict[str, Tree]) -> np.ndarray:
        """Ask, judge, and go on with the answer; where none came, with the spec's."""
        started = time.perf_counter()
        aliases = ((0, 1),) if component == "multi_head_attention" and arguments[0] is arguments[1] else ()
        case = Case(arguments, options, aliases=aliases)
        rng = np.random.default_rng(seed_of(self.seed, self.page.name, where))
        case = case.but(extra=rows.drawn(component, case, rng))
        outcome = self.outcome(component, case)
        self.steps.append(Step(where, component, case, outcome, time.perf_counter() - started))
        whole = self.steps[-1].everywhere
        got = None if whole is None else np.asarray(whole.got)
        if got is None or not np.isfinite(got).all():
            got = by_the_spec(component, arguments, options)
        return got.astype(numpy_dtype(self.door.dtype))

    def outcome(self, component: str, case: Case) -> Outcome:
        """The verdict on one call, or why it cannot be made."""
        offer = self.door.offers.get(component)
        if offer is None:
            return Outcome(Verdict.ABSENT, reason="not offered")
        reason = why_not(component, offer, case)
        if reason:
            return Outcome(Verdict.UNSUPPORTED, reason=reason)
        return try_case(LAWS[component], self.asked(case, offer), experiment(self.door, offer))

    def asked(self, case: Case, offer: Offer) -> Case:
        """Without the keywords that are not taken: they have their defaults here."""
        return case.but(options={name: value for name, value in case.options.items() if offer.takes(name)})

    def of(self, component: str) -> list[Step]:
        """The calls of one component."""
        return [step for step in self.steps if step.component == component]


def experiment(door: Door, offer: Offer) -> Experiment:
    """One component under its declared conventions. The silent ones, about rows without a key, do not occur here."""
    precision = precision_of(
        door.dtype, offer.precision or "eager", computes_in=offer.computes_in, accumulates_in=offer.accumulates_in
    )
    return Experiment(door, COMPONENTS[offer.component], dict(offer.conventions), precision, Truths(capacity=1))


def why_not(component: str, offer: Offer, case: Case) -> str:
    """Why a component is not the one that this model has: a keyword, a convention or a size; empty if it is."""
    defaults = COMPONENTS[component].options
    for name, value in case.options.items():
        wanted = value is None or name not in defaults or isinstance(value, np.ndarray) or value != defaults[name]
        if not offer.takes(name) and name not in offer.conventions and wanted:
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
    """How many elements were judged, and how: everything else abstained."""
    counts = [0, 0]
    total = 0
    for weighed in (w for step in steps for w in step.outcome.weighed):
        kind = int(weighed.evidence.comparison == "certified rows")
        counts[kind] += elements(weighed)
        total += 0 if kind else np.size(weighed.evidence.observed)
    return f"{counts[0]} of {total} elements by bounded numbers, {counts[1]} certified" if total else ""


def elements(weighed: Weighed) -> int:
    """How many elements counted."""
    return int(weighed.counted)


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


def real_records(doors: Iterator[Door], seed: int = 0) -> Iterator[Record]:
    """Every door on the same page."""
    real = prepare(seed)
    for door in doors:
        yield from judge_real(door, real, seed)
