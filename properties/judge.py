"""Judge: evidence in, verdict out. The only place where what was observed is compared with what is allowed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from veriformer.impls.protocol import Door, Offer, Reply
from veriformer.properties import diagnose, menu, minimise, search
from veriformer.properties.experiment import Asked, Experiment, Misshapen, also_layer, promised
from veriformer.properties.law import NOT_SEPARATED, Case, Evidence, Law, NotJudged, among, says_something
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import SUITE_FAILED, Outcome, Tally, Weighed
from veriformer.properties.probes import seed_of
from veriformer.properties.search import FoundCase
from veriformer.properties.settle import Settled
from veriformer.properties.telling import counterexample, message_of, record
from veriformer.properties.together import foresee
from veriformer.properties.truth import Truth, Truths
from veriformer.record import Record, Verdict
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import FLOAT32, FLOAT64, FORMATS


def weigh(evidence: Evidence, dtype: str) -> Weighed:
    """Compare, element by element. An element abstains where its bound is infinite or beyond a quarter of its scale
    (a scale of 0, an array that is truly 0, always counts). 0 / 0 is a ratio of 0, anything / 0 is infinite."""
    observed = np.asarray(evidence.observed, dtype=np.float64)
    allowed = np.asarray(evidence.allowed, dtype=np.float64)
    if evidence.scale is None:
        counts = np.ones(observed.shape, bool)
    else:
        scale = np.broadcast_to(np.asarray(evidence.scale, dtype=np.float64), observed.shape)
        counts = says_something(allowed, scale)
    with np.errstate(all="ignore"):
        ratio = np.where(observed == 0, 0.0, observed / allowed)
    ratio = np.where(counts, ratio, -1.0)
    if not observed.size:
        return Weighed(evidence, True, False, 0.0, 0.0, (), None, False)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), ratio.shape))
    refuted = bool((counts & (observed > allowed)).any())
    return Weighed(
        evidence,
        bool(counts.any()),
        refuted,
        float(ratio[index]),
        ulps(evidence, index, dtype),
        index,
        keeps_layer(evidence, observed),
        bool(np.isinf(allowed[~counts]).any()),
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
    with np.errstate(all="ignore"):
        half = FORMATS[dtype].half_ulp(np.abs(wanted[index]))
        return float(np.float64(evidence.observed[index]) / (2.0 * half)) if evidence.observed[index] else 0.0


def try_case(law: Law, case: Case, experiment: Experiment) -> Outcome:
    """Run the law's experiment on one case."""
    try:
        with np.errstate(all="ignore"):  # laws compute with infinite answers too; what comes of it is weighed
            found = law.test(case, experiment)
    except NotJudged as reason:
        return Outcome(Verdict.UNSUPPORTED, reason=str(reason))
    except Asked as asked:
        raised = asked.raised
        if raised.declined or (case.extension and not raised.fatal):
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

    def run(case: Case) -> Outcome:
        outcome = try_case(law, case, experiment)
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
    return record(law, door, budget, started, **refuted_by(law, found, further, experiment, settled), **common)


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


def refuted_by(
    law: Law, found: FoundCase, further: Iterable[Case], experiment: Experiment, settled: Settled
) -> dict[str, Any]:
    """The verdict on a case that decides the law, made as small as it still does, and what else would explain it."""
    driven = experiment.component.form == "object"

    def still_fails(smaller: Case) -> bool:
        try:
            return same_fault(try_case(law, smaller, experiment), found.outcome)
        except ValueError:  # without a step, say, the script is outside the domain of the formula
            return False

    case = minimise.smallest(found.case, still_fails, driven=driven, dear=law.dear)
    outcome = try_case(law, case, experiment)
    if not outcome.bad:  # it does not repeat: report what was seen
        case, outcome = found.case, found.outcome

    def judged(other: Case, under: Experiment) -> Verdict:
        return try_case(law, other, under).verdict

    return {
        "verdict": outcome.verdict,
        "message": message_of(outcome),
        "counterexample": counterexample(law, experiment.door, case, outcome, found.examples, settled),
        "diagnosis": diagnose.cause(law, [found.case, case], further, experiment, judged, apart),
    }


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


def why_absent(law: Law, door: Door) -> str:
    """Why the implementation cannot be asked this law at all; empty when it can."""
    offer = door.offers.get(law.component)
    if offer is None:
        return "not offered"
    missing = [name for name in law.needs if not offer.takes(name)]
    if missing:
        return f"no keyword {', '.join(missing)}"
    fixed = [name for name in law.needs if name in offer.conventions]
    if fixed:
        return f"{', '.join(fixed)} is fixed by a declared convention"
    if law.gradients and door.backend == "numpy" and not offer.vjp:
        return "no gradient: NumPy code offers it with @impl.vjp"
    if law.backends is not None and door.backend not in law.backends:
        return f"{law.name} does not apply to {door.backend}"
    return ""


def why_elsewhere(law: Law, door: Door, budget: Budget) -> str:
    """Why it is asked in another dtype instead; empty where it is asked in this one. Of stacks the bounds of gradients say
    nothing in half types."""
    beside_another = door.backend in menu.COMPILED and budget.sizes is not None
    vacuous = law.gradients and FORMATS[door.dtype].digits < FLOAT32.digits
    if beside_another and menu.is_stack(law) and (vacuous or not law.in_each_dtype):
        return f"asked in another dtype alone, since each size is compiled anew; --dtype {door.dtype} asks it here"
    return ""


def same_fault(outcome: Outcome, first: Outcome) -> bool:
    """Is it the same kind of failure? Shrinking must not slip to another one."""
    if outcome.verdict is not first.verdict:
        return False
    if first.raised is not None:
        return outcome.raised is not None and outcome.raised.type == first.raised.type
    return True
