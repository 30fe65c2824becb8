"""Judge: evidence in, verdict out. The only place where what was observed is compared with what is allowed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Door, Offer, Reply
from veriformer.properties import diagnose, minimise, search
from veriformer.properties.absent import why_absent, why_elsewhere
from veriformer.properties.experiment import Asked, Experiment, Misshapen, also_layer, promised
from veriformer.properties.law import LARGE, NOT_SEPARATED, Case, Evidence, Law, NotJudged, among, says_something
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import SUITE_FAILED, Outcome, Tally, Weighed
from veriformer.properties.search import FoundCase
from veriformer.properties.seeds import seed_of
from veriformer.properties.seldom import seldom_collecting
from veriformer.properties.settle import Settled
from veriformer.properties.telling import counterexample, message_of, record
from veriformer.properties.together import foresee
from veriformer.properties.truth import Truth, Truths
from veriformer.properties.universal import RESULT_KEPT
from veriformer.record import Record, Verdict
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import FLOAT32, FLOAT64, FORMATS

MISSED_ANYHOW = (
    "the formula is missed here by a fresh process too: what earlier calls leave behind cannot be told apart"
)


def weigh(evidence: Evidence, dtype: str) -> Weighed:
    """Compare, element by element. An element abstains where its bound is infinite or beyond a quarter of its scale
    (a scale of 0, an array that is truly 0, always counts). 0 / 0 is a ratio of 0, anything / 0 is infinite."""
    observed = np.asarray(evidence.observed, dtype=np.float64)
    allowed = np.asarray(evidence.allowed, dtype=np.float64)
    if not observed.size:
        return Weighed(evidence, True, False, 0.0, 0.0, (), None, False)
    counts = np.True_ if evidence.scale is None else says_something(allowed, np.asarray(evidence.scale, np.float64))
    with np.errstate(all="ignore"):
        ratio = np.where(observed == 0, 0.0, observed / allowed)
    ratio = np.where(counts, ratio, -1.0)
    index = tuple(int(i) for i in np.unravel_index(int(ratio.argmax()), ratio.shape))
    return Weighed(
        evidence,
        bool(counts.any()),
        bool((counts & (observed > allowed)).any()),
        float(ratio[index]),
        ulps(evidence, index, dtype),
        index,
        keeps_layer(evidence, observed),
        bool((np.isinf(allowed) & ~counts).any()),
    )


def keeps_layer(evidence: Evidence, observed: np.ndarray) -> bool | None:
    """Is every element within what `layer` allows, wherever that says something?"""
    if evidence.layer is None:
        return None
    counts = says_something(evidence.layer, np.broadcast_to(np.asarray(evidence.scale, np.float64), observed.shape))
    return not bool((counts & (observed > evidence.layer)).any()) if counts.any() else None


def ulps(evidence: Evidence, index: tuple[int, ...], dtype: str) -> float:
    """The observed error at one place, in units in the last place of the wanted number."""
    wanted = np.asarray(evidence.wanted)
    if wanted.shape != np.shape(evidence.observed) or wanted.dtype.kind != "f":
        return float("nan")
    observed = evidence.observed[index]
    if not observed:
        return 0.0
    with np.errstate(all="ignore"):
        return float(np.float64(observed) / (2.0 * FORMATS[dtype].half_ulp(np.abs(wanted[index]))))


def try_case(law: Law, case: Case, experiment: Experiment) -> Outcome:
    """Run the law's experiment on one case."""
    try:
        with np.errstate(all="ignore"):  # laws compute with infinite answers too; what comes of it is weighed
            found = law.test(case, experiment)
    except NotJudged as reason:
        return Outcome(Verdict.UNSUPPORTED, reason=str(reason))
    except Asked as asked:
        raised = asked.raised
        too_much = raised.stopped and case.extension == LARGE
        if raised.declined or too_much or (case.extension and not raised.fatal):
            words = f"{case.extension}: " if case.extension else ""
            return Outcome(Verdict.UNSUPPORTED, raised=raised, reason=f"{words}{raised.type}: {raised.message}")
        return Outcome(Verdict.CRASHED, raised=raised)
    except Misshapen as misshapen:
        found = misshapen.evidence
    weighed = tuple(weigh(e, experiment.dtype) for e in ((found,) if isinstance(found, Evidence) else found))
    if any(w.refuted for w in weighed):
        return Outcome(Verdict.BROKEN, weighed)
    if all(w.judged for w in weighed if np.size(w.evidence.observed)):
        return Outcome(Verdict.HELD, weighed)
    return Outcome(Verdict.ABSTAINED, weighed)


@dataclass
class Trial:
    """A law's experiment on one case after another. Where a law tells of earlier calls what is missed without them too, nothing
    is known of them but whether a result changed after it was handed over."""

    law: Law
    experiment: Experiment
    is_missed_anyhow: bool = False

    def of(self, case: Case) -> Outcome:
        """What the case comes to."""
        outcome = try_case(self.law, case, self.experiment)
        told_apart = not self.is_missed_anyhow or any(
            w.refuted and w.evidence.comparison == RESULT_KEPT for w in outcome.weighed
        )
        if told_apart or outcome.verdict is not Verdict.BROKEN:
            return outcome
        return Outcome(Verdict.UNSUPPORTED, reason=MISSED_ANYHOW)

    def searched(self, case: Case) -> Outcome:
        """The same, asking a fresh process once whether it misses the formula by itself."""
        outcome = self.of(case)
        if not self.law.after_earlier_calls or self.is_missed_anyhow or outcome.verdict is not Verdict.BROKEN:
            return outcome
        self.is_missed_anyhow = self.experiment.door.forget() and self.is_missed(case)
        return self.of(case) if self.is_missed_anyhow else outcome

    def is_missed(self, case: Case) -> bool:
        """Is the formula missed on this input, of which nothing was asked before?"""
        try:
            return any(weigh(e, self.experiment.dtype).refuted for e in self.experiment.ask(case).evidence())
        except (Asked, Misshapen):
            return True


@seldom_collecting()
def judge(law: Law, door: Door, budget: Budget, *, settled: Settled, truths: Truths | None = None) -> Record:
    """Search for an input on which the implementation breaks the law: the only runner of laws."""
    started = time.perf_counter()
    offer = door.offers.get(law.component)
    reason = why_absent(law, door) or why_elsewhere(law, door, budget)
    if reason or offer is None:
        return record(law, door, budget, started, verdict=Verdict.ABSENT, message=reason)
    experiment = Experiment(
        door,
        in_form(law.component, law.form),
        settled.values,
        promised(door, law.component),
        Truths() if truths is None else truths,
        also_layer(door, law.component),
    )
    tally = Tally()
    door.begin(seed_of(budget.seed, law.component, law.name, door.dtype))

    trial = Trial(law, experiment)

    def run(case: Case) -> Outcome:
        outcome = trial.searched(case)
        tally.add(outcome, case)
        return outcome

    found = search.find(law, offer, door, budget, settled, run, lambda cases: foresee(law, cases, experiment))
    common: dict[str, Any] = {
        "conventions": settled.described,
        "precision": promise(offer, door, tally),
        "judged": tally.held,
        "abstained": tally.abstained,
        "unsupported": tally.unsupported,
        "overflowing": tally.overflowing,
        "worst_ratio": tally.worst_ratio if tally.held else None,
        "worst_ulps": tally.worst_ulps if tally.held else None,
        "ratios": tuple(tally.ratios) if tally.held else (),
        "worst_case": tally.worst_case,
        "bitwise": tally.bitwise,
    }
    if found is None:
        return record(law, door, budget, started, **nothing_found(law, tally, door.dtype), **common)
    further = search.cases(law, offer, door, budget, settled)
    return record(law, door, budget, started, **refuted_by(trial, found, further, settled), **common)


def promise(offer: Offer, door: Door, tally: Tally) -> dict[str, Any]:
    """What was assumed of the arithmetic, and whether the narrower promise was kept too."""
    assumed = {"contract": offer.precision or "eager", "computes_in": offer.computes_in or door.dtype, **door.switches}
    if offer.accumulates_in:
        assumed["accumulates_in"] = offer.accumulates_in
    return assumed if tally.keeps_layer is None else {**assumed, "also_holds_layer": tally.keeps_layer}


def nothing_found(law: Law, tally: Tally, dtype: str) -> dict[str, Any]:
    """The verdict where no case decided the law, and why cases were not judged."""
    if not (tally.held or tally.abstained or tally.unsupported):
        return {"verdict": Verdict.UNSUPPORTED, "message": "no case fits what is offered"}
    if law.existential and 2 * tally.reasons.get(NOT_SEPARATED, 0) > tally.held + tally.unsupported:
        said = "fewer than half of the draws show the effect"
        half = FORMATS[dtype].digits < FLOAT32.digits  # there the bound of honest code may hide any effect
        return {"verdict": tally.verdict(), "message": said if half else f"{SUITE_FAILED}: {said}"}
    return {"verdict": tally.verdict(), "message": tally.why()}


def refuted_by(trial: Trial, found: FoundCase, further: Iterable[Case], settled: Settled) -> dict[str, Any]:
    """The verdict on a case that decides the law, made as small as it still does, and what else would explain it."""
    law, experiment = trial.law, trial.experiment
    driven = experiment.component.form == "object"
    stopped = found.outcome.raised is not None and found.outcome.raised.stopped
    hasty = replace(trial, experiment=in_haste(experiment))

    def still_fails(smaller: Case) -> bool:
        try:
            return same_fault(hasty.of(smaller), found.outcome)
        except ValueError:  # without a step, say, the script is outside the domain of the formula
            return False

    case = minimise.smallest(found.case, still_fails, driven=driven, dear=law.dear or stopped)
    outcome = trial.of(case)
    if not outcome.bad:  # it does not repeat: report what was seen
        case, outcome = found.case, found.outcome

    def judged(other: Case, under: Experiment) -> Verdict:
        return try_case(law, other, under).verdict

    tried = [] if stopped else [found.case, case]  # where there is no answer, no formula can be told by it
    return {
        "verdict": outcome.verdict,
        "message": message_of(outcome),
        "counterexample": counterexample(law, experiment.door, case, outcome, found.examples, settled),
        "diagnosis": diagnose.cause(law, tried, further, hasty.experiment, judged, apart),
    }


def in_haste(experiment: Experiment) -> Experiment:
    """The same experiment, where a refutation need not be told in numbers."""
    return replace(experiment, hasty=lambda evidence: weigh(evidence, experiment.dtype).refuted)


def apart(truth: Truth, other: Truth) -> bool:
    """Would another truth, as an answer, be refuted? For diagnoses."""
    return weigh(truth.evidence("another formula", other.ball.centres()), FLOAT64.name).refuted


def fits(experiment: Experiment, case: Case, reply: Reply) -> bool:
    """Does an answer agree with the spec under the experiment's conventions, where it counts? For settling conventions."""
    try:
        evidence = experiment.answer(case, reply).evidence()
    except Misshapen:
        return False
    kept = case.extra.get("kept", True)
    return not any(weigh(among(e, kept), experiment.dtype).refuted for e in evidence)


def same_fault(outcome: Outcome, first: Outcome) -> bool:
    """Is it the same kind of failure? Shrinking must not slip to another one."""
    if outcome.verdict is not first.verdict:
        return False
    if first.raised is not None:
        return outcome.raised is not None and outcome.raised.type == first.raised.type
    return True
