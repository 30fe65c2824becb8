"""Embedded: the composed model's sentence embeddings, judged end to end."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.judge import weigh
from veriformer.properties.law import Case, Evidence, Law, NotJudged
from veriformer.properties.outcome import Outcome, Tally, Weighed
from veriformer.properties.real.agreement import not_drawn
from veriformer.properties.real.model import Page
from veriformer.properties.real.walk import Walk
from veriformer.properties.real.whole import Whole
from veriformer.record import Verdict

EMBEDDING = "sentence_embedding"
"""What the composed model computes, as a name beside those of the components."""


def composed_only(_: Case, __: Experiment) -> Evidence:
    """No single call can show it."""
    raise NotJudged("it is the work of many calls")


EMBEDS = Law(
    name="the_sentence_embedding_is_the_specs",
    sentence="Sentence embeddings of a model composed of the components are the spec's, within every call's bound.",
    component=EMBEDDING,
    draw=not_drawn,
    test=composed_only,
    rows=(),
)


def embedded(walk: Walk, real: Whole, hidden: np.ndarray) -> dict[str, Any]:
    """The whole model, from tokens to embeddings, in one row: its fields."""
    reason = incomplete(walk, real.page)
    if reason:
        return {"verdict": Verdict.UNSUPPORTED, "unsupported": 1, "message": reason}
    local = {step.where: np.asarray(step.answered.allowed) for step in walk.steps if step.answered is not None}
    tally, found = Tally(), []
    for evidence in real.evidence(hidden, local):
        found.append(outcome_of(weigh(evidence, walk.door.dtype)))
        tally.add(found[-1])
    worst = max((o.worst for o in found if o.worst), key=lambda weighed: weighed.ratio, default=None)
    broken = worst is not None and worst.refuted
    return {
        "verdict": Verdict.BROKEN if broken else tally.verdict(),
        "judged": tally.held,
        "abstained": tally.abstained,
        "worst_ratio": tally.worst_ratio if tally.held else None,
        "worst_ulps": tally.worst_ulps if tally.held else None,
        "message": f"{real.page.name}, {len(real.page.tokens)} sentences, {len(found)} elements. Allowed: every call's "
        "bound carried through the model's derivatives, the worst case, to first order in the roundoffs",
        "counterexample": shown(real.page, worst) if worst is not None and broken else None,
    }


def incomplete(walk: Walk, page: Page) -> str:
    """Why the embedding is not that of these components alone; empty if it is."""
    if not page.is_exact_in(walk.door.dtype):
        return f"{walk.door.dtype} does not hold the weights: rounded, they are another model's"
    gaps = {f"{s.component} ({s.outcome.reason or s.outcome.verdict})": None for s in walk.steps if s.answered is None}
    return f"composed without {', '.join(gaps)}" if gaps else ""


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
