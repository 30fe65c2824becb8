"""Laws of residual."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.probes import Draw, power
from veriformer.properties.relu import LARGE
from veriformer.properties.softmax import row
from veriformer.properties.special import law_of_nan

ROWS = (row((2,)), row((1, 3)), row((2, 3, 4)), row((5, 33)), row((2, 2, 3, 65)), row((2, 1025), reach="long"))


def draw(recipe: Draw) -> Case:
    """Two arrays of one shape."""
    return Case((recipe.array("x", recipe["shape"]), recipe.array("sublayer_output", recipe["shape"])))


SUBJECT = Subject(
    "residual",
    ROWS,
    draw,
    batched={"x": 1, "sublayer_output": 1},
    top=power(0.99),
    differentiable=True,
    alike=("x", "sublayer_output"),
    large=LARGE,
)
law = SUBJECT.law


@law("A sub-layer that answers 0 changes nothing.")
def zero_is_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """residual(x, 0) = x within the bound (XLA flushes denormal numbers)."""
    x = case.arguments[0]
    answer = experiment.ask(case.replacing(1, np.zeros_like(x)))
    return relation("x itself", answer.value, x, answer.bound, answer.scale)


def draw_with_cotangent(recipe: Draw) -> Case:
    """Two arrays, and a cotangent."""
    return with_cotangent(draw(recipe), recipe, "residual")


@law("The cotangent comes back unchanged to both arguments.", draw=draw_with_cotangent, gradients=True)
def the_cotangent_comes_back(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """d(x + y) = dx + dy."""
    cotangent = case.extra["cotangent"]
    answer = experiment.ask(case, cotangent=cotangent)
    got = [answer.gradient((position,)) for position in (0, 1)]
    return tuple(
        relation(f"gradient of {answer.named((i,))}", np.nan if g is None else g, cotangent, truth.bound, truth.scale)
        for i, (g, (_, truth)) in enumerate(zip(got, answer.gradient_truths, strict=True))
    )


nan_is_not_lost = law_of_nan(SUBJECT, "nan is answered with nan, in the same place.", row=False, positions=(0, 1))

INQUIRIES = ()
