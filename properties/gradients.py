"""Gradients: their draws, with a cotangent, and the law that each of them is the formula's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.formula import Question
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, relation
from veriformer.properties.probes import Draw
from veriformer.properties.truth import compared
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers import Bounded
from veriformer.spec.numbers.precision import precision_of

NAN_FLOWS_BACK = "the answer is nan by convention, and a cotangent of 0 times nan is nan: any gradient may be"
"""Whose weights are nan for a query that sees nothing has nan in the derivatives by all keys, whatever the cotangent. Who
answers 0 there is judged."""


NOT_SHOWN = "the answer does not show all that the gradient depends on"


def differentiated(subject: Subject) -> Callable[[Draw], Case]:
    """Cases with a random cotangent, drawn when the shape of the output is known."""

    def draw(recipe: Draw) -> Case:
        return with_cotangent(subject.draw(recipe), recipe, subject.component)

    return draw


def with_cotangent(case: Case, recipe: Draw, component: str, kind: str | None = None) -> Case:
    """The case, with a cotangent of the shape of its output; what a convention may answer with nan gets 0.

    The output comes from bounded numbers: in plain floats the formula overflows where its honest algorithms do not.
    """
    spec, precision = COMPONENTS[component], precision_of("float64")
    conventions = {c.name: "nan" for c in spec.conventions if "nan" in c.values}
    question = Question(spec, case.arguments, case.options, conventions, precision, case.aliases)
    with np.errstate(all="ignore"):
        output = question.formula(lambda array: Bounded.given(array, precision)).value
    chosen = kind or str(recipe.rng("cotangent kind").choice(["integers", "normal", "one_hot", "outliers"]))
    cotangent = recipe.array("cotangent", output.shape, chosen)
    return case.but(extra={**case.extra, "cotangent": np.where(np.isnan(output), 0, cotangent).astype(cotangent.dtype)})


def gradients_agree_with_the_spec(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The vector-Jacobian product of every floating argument lies within its bound of the certified one."""
    shows = experiment.component.shows
    if shows is not None and not shows(case.arguments):
        raise NotJudged(NOT_SHOWN)
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    if "nan" in experiment.conventions.values() and any(np.isnan(truth.value).any() for _, truth in answer.outputs):
        raise NotJudged(NAN_FLOWS_BACK)
    return tuple(gradient_evidence(answer))


def gradient_evidence(answer: Answer) -> Iterator[Evidence]:
    """Each gradient beside its truth; one that no derivative reached is no answer."""
    parts = []
    for path, truth in answer.gradient_truths:
        gradient, name = answer.gradient(path), f"gradient of {answer.named(path)}"
        if gradient is None:
            yield differing(name, "none: no derivative reached it", "an array")
        else:
            parts.append((name, np.asarray(gradient), truth))
    yield from compared(parts, answer.hasty)


def recording_gradients_changes_nothing(case: Case, experiment: Experiment) -> Evidence:
    """f with derivatives recorded is f without."""
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    recorded = answer.reply.outputs_with_grad
    return relation("output while gradients are recorded", recorded, answer.value, 2 * answer.bound, answer.scale)
