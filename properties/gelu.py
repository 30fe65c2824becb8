"""Laws of gelu."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import Draw, power
from veriformer.properties.relu import LARGE, below_the_rectifier, mirrored
from veriformer.properties.softmax import row
from veriformer.properties.special import law_of_limits, law_of_nan

ROWS = (
    row((3,)),
    row((1, 4), approximate="tanh"),
    row((2, 3, 5)),
    row((2, 7), approximate="none"),
    row((5, 33), approximate="tanh"),
    row((2, 2, 3, 65)),
    row((2, 1025), reach="long"),
)


def draw(recipe: Draw) -> Case:
    """Numbers of any kind; some sizes name the approximation, some leave it to its default."""
    options = {"approximate": recipe["approximate"]} if recipe.get("approximate") else {}
    return Case((recipe.array("x", recipe["shape"]),), options)


SUBJECT = Subject("gelu", ROWS, draw, batched={"x": 1}, top=power(0.3), differentiable=True, large=LARGE)
law = SUBJECT.law


@law("What passes of x, less what passes of -x, is x.")
def the_two_halves_make_the_whole(case: Case, experiment: Experiment) -> Evidence:
    """f(x) - f(-x) = x, since Phi(x) + Phi(-x) = 1, and alike for the tanh."""
    return mirrored(case, experiment)


@law("No more passes than a rectifier lets through.")
def never_exceeds_the_rectifier(case: Case, experiment: Experiment) -> Evidence:
    """f(x) <= max(x, 0)."""
    return below_the_rectifier(case, experiment)


nan_is_not_lost = law_of_nan(SUBJECT, "nan is answered with nan, in the same place.", row=False)
infinities_have_their_limits = law_of_limits(SUBJECT, (0.0, np.nan))  # inf 0 is nan; the limit is 0

INQUIRIES = ()
