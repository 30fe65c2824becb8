"""Agreement: the law that a component keeps on real input, at full size, and a counterexample cut down to be read."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from veriformer.impls.tree import leaves
from veriformer.properties import minimise
from veriformer.properties.experiment import Experiment
from veriformer.properties.formula import Question
from veriformer.properties.judge import same_fault, try_case
from veriformer.properties.law import Case, Evidence, Law, NotJudged, differing, relation
from veriformer.properties.outcome import Outcome
from veriformer.properties.probes import Draw
from veriformer.properties.real.compose import COMPONENTS
from veriformer.properties.real.rows import cut, essential, kept, lone, narrower
from veriformer.properties.real.whole import OWN
from veriformer.properties.truth import finite_part
from veriformer.spec.component import largest
from veriformer.spec.numbers import Bounded
from veriformer.spec.numbers.precision import OUTWARD

SMALL = 512
"""At most this many numbers are worth the element by element work of the minimiser."""


def not_drawn(_: Draw) -> Case:
    """The input is what the model makes it."""
    raise NotJudged("its input comes from the model")


def agreement(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f - F| <= B on every element, by bounded numbers, and on the rows drawn against certified values.

    The answer's own truth, certified whole, is not asked for: it would take minutes.
    """
    answer = experiment.ask(case)
    got = dict(leaves(answer.reply.outputs))
    if got.keys() != {()}:
        return (differing("arrays answered", len(got), 1),)
    everywhere = bounded(answer.question, got[()])
    return (everywhere, certified(got[()], case, experiment)) if is_whole(everywhere) else (everywhere,)


def bounded(question: Question, got: np.ndarray) -> Evidence:
    """Every element beside the formula in float64, which is itself only within its own bound of the truth."""
    component, arguments = question.component, essential(question.component.name, question.arguments)
    small = replace(question, arguments=arguments)
    with np.errstate(all="ignore"):
        allowed = small.formula(lambda array: Bounded.given(array, small.precision))
        own = small.formula(lambda array: Bounded.given(array, OWN)) if small.precision != OWN else allowed
    scale = largest(finite_part(own.value)) if component.scale is None else component.scale(*arguments, **small.options)
    return relation("output", got, own.value, (allowed.error + own.error) * OUTWARD, scale)


def is_whole(everywhere: Evidence) -> bool:
    """Has the answer the shape of the truth?"""
    return everywhere.scale is not None


def certified(got: np.ndarray, case: Case, experiment: Experiment) -> Evidence:
    """The rows and columns drawn, beside balls."""
    part = cut(experiment.component.name, case)
    return experiment.truth_of(experiment.component, part).evidence("certified rows", kept(got, case))


LAWS = MappingProxyType(
    {
        component: Law(
            name="agrees_with_the_spec_on_real_input",
            sentence="On what it meets inside a real model every answer lies within its bound of the formula.",
            component=component,
            draw=not_drawn,
            test=agreement,
            rows=(),
        )
        for component in COMPONENTS
    }
)
"""Component -> the law."""


def smallest(law: Law, case: Case, outcome: Outcome, experiment: Experiment) -> tuple[Case, Outcome]:
    """The row where the answer is worst, then cut narrower as long as it fails, then made plain by the minimiser."""
    best, found = case, outcome
    candidate: Case | None = lone(law.component, case, worst_row(case, outcome))
    while candidate is not None:
        again = try_case(law, candidate, experiment)
        if not same_fault(again, outcome):
            break
        best, found = candidate, again
        candidate = next(
            (n for n in narrower(law.component, best) if same_fault(try_case(law, n, experiment), outcome)), None
        )
    if best is not case and numbers(best) <= SMALL:
        best = minimise.smallest(best, lambda smaller: same_fault(try_case(law, smaller, experiment), outcome))
        found = try_case(law, best, experiment)
    return best, found


def worst_row(case: Case, outcome: Outcome) -> int:
    """Where the answer is worst, counted through all rows; the first row where there is no telling."""
    worst = outcome.worst
    if worst is None or not is_whole(worst.evidence):
        return 0
    if worst is not outcome.weighed[0] and "rows" in case.extra:
        return int(case.extra["rows"][worst.index[0]])
    return int(np.ravel_multi_index(worst.index[:-1], np.shape(worst.evidence.observed)[:-1]))


def numbers(case: Case) -> int:
    """How many floating-point numbers a case holds."""
    return sum(leaf.size for _, leaf in minimise.spots(case))
