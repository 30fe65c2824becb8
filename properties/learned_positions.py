"""Laws of learned_positions."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, Subject, differing, relation
from veriformer.properties.probes import Draw, power

ROWS = (
    {"length": 2, "d_model": 2, "rows": 3},
    {"length": 3, "d_model": 3, "rows": 3},
    {"length": 1, "d_model": 4, "rows": 5},
    {"length": 33, "d_model": 5, "rows": 65},
    {"length": 300, "d_model": 2, "rows": 769, "reach": "long"},
)


def draw(recipe: Draw) -> Case:
    """A length, and a table with a few rows more: some conventions begin with the third."""
    return Case((recipe["length"], recipe.array("table", (recipe["rows"] + 2, recipe["d_model"]))))


SUBJECT = Subject("learned_positions", ROWS, draw, top=power(0.99), differentiable=True)
law = SUBJECT.law


@law("Row p is row p of the table.")
def each_row_is_a_row_of_the_table(case: Case, experiment: Experiment) -> Evidence:
    """f(L, table) = table[:L]."""
    length, table = case.arguments
    answer = experiment.ask(case)
    return relation("rows of the table", answer.value, table[:length], answer.bound, answer.scale)


def draw_with_cotangent(recipe: Draw) -> Case:
    """A table and a cotangent."""
    return with_cotangent(draw(recipe), recipe, "learned_positions")


@law("The gradient goes to the rows that were used, and no others.", draw=draw_with_cotangent, gradients=True)
def the_gradient_scatters_back(case: Case, experiment: Experiment) -> Evidence:
    """d table[p] = g[p] for p < L, exactly 0 beyond."""
    (length, table), cotangent = case.arguments, case.extra["cotangent"]
    answer = experiment.ask(case, cotangent=cotangent)
    gradient = answer.gradient((1,))
    if gradient is None:
        return differing("gradient of table", "none: no derivative reached it", "an array")
    wanted = np.zeros(table.shape)
    wanted[:length] = cotangent
    _, truth = answer.gradient_truths[0]
    return relation("scattered cotangent", gradient, wanted, truth.bound, truth.scale)


INQUIRIES = ()
