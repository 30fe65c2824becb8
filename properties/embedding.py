"""Laws of embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, Subject, differing, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power, ranked

ROWS = ranked(
    {"shape": (2,), "vocabulary": 3, "d_model": 2},
    {"shape": (2, 3), "vocabulary": 4, "d_model": 3, "scale": 2.0},
    {"shape": (1,), "vocabulary": 1, "d_model": 4},
    {"shape": (3, 4), "vocabulary": 5, "d_model": 4, "scale": 1.7320508075688772},
    {"shape": (2, 5), "vocabulary": 3, "d_model": 2, "padding_idx": 1},
    {"shape": (2, 3), "vocabulary": 2, "d_model": 3, "padding_idx": 0},
    {"shape": (2, 1, 3), "vocabulary": 4, "d_model": 3, "scale": 2.0, "padding_idx": 2},
    {"shape": (2, 4), "vocabulary": 4, "d_model": 2, "padding_idx": 3},
    {"shape": (2, 33), "vocabulary": 300, "d_model": 6},
    {"shape": (3, 31), "vocabulary": 65, "d_model": 3, "reach": "tile"},
    {"shape": (40,), "vocabulary": 70000, "d_model": 1, "reach": "long"},  # more than 16 bits count
    {"shape": (1, 300), "vocabulary": 1025, "d_model": 2, "reach": "long"},
)
LARGE = ranked(
    {"shape": (BEYOND_16_BITS,), "vocabulary": 3, "d_model": 2},
    {"shape": (300,), "vocabulary": BEYOND_16_BITS, "d_model": 2},
)


def draw(recipe: Draw) -> Case:
    """Tokens, some of them repeated, and a table."""
    tokens = recipe.integers("tokens", recipe["shape"], 0, recipe["vocabulary"])
    table = recipe.array("table", (recipe["vocabulary"], recipe["d_model"]))
    options: dict[str, Any] = {name: recipe[name] for name in ("scale", "padding_idx") if recipe.get(name) is not None}
    return Case((tokens, table), options)


SUBJECT = Subject("embedding", ROWS, draw, batched={"tokens": 1}, top=power(0.9), differentiable=True, large=LARGE)
law = SUBJECT.law


@law("Each token becomes its row of the table, scaled.")
def each_token_becomes_its_row(case: Case, experiment: Experiment) -> Evidence:
    """f(tokens, table) = scale * table[tokens]; the product is taken in float64, within its own rounding."""
    tokens, table = case.arguments
    answer = experiment.ask(case)
    wanted = table[tokens].astype(np.float64) * case.options.get("scale", 1.0)
    return relation("scaled row", answer.value, wanted, answer.bound + 2.0**-53 * np.abs(wanted), answer.scale)


@law(
    "Permuting the tokens permutes the rows.",
    draw=lambda r: draw(r).but(extra={"order": r.permutation("order", r["shape"][-1])}),
)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(tokens P) = P f(tokens): the embedding knows no positions."""
    order = case.extra["order"]
    tokens, table = case.arguments
    moved, still = experiment.ask(case.but(arguments=(tokens[..., order], table))), experiment.ask(case)
    allowed = moved.bound + still.bound[..., order, :]
    return relation("permuted rows", moved.value, still.value[..., order, :], allowed, still.scale[..., order, :])


def draw_with_cotangent(recipe: Draw) -> Case:
    """Tokens, a table of whole numbers, a cotangent of whole numbers: sums of them are exact."""
    return with_cotangent(draw(recipe), recipe, "embedding", "integers")


@law("The gradient of each use is added to its row of the table.", draw=draw_with_cotangent, gradients=True)
def the_gradient_scatters_back(case: Case, experiment: Experiment) -> Evidence:
    """d table[r] = scale * sum of g over the uses of r; the row padding_idx gets 0."""
    (tokens, table), cotangent = case.arguments, case.extra["cotangent"]
    answer = experiment.ask(case, cotangent=cotangent)
    gradient = answer.gradient((1,))
    if gradient is None:
        return differing("gradient of table", "none: no derivative reached it", "an array")
    wanted = np.zeros(table.shape)
    np.add.at(wanted, tokens, cotangent.astype(np.float64))
    if case.options.get("padding_idx") is not None:
        wanted[case.options["padding_idx"]] = 0.0
    wanted = wanted * case.options.get("scale", 1.0)
    _, truth = answer.gradient_truths[0]
    return relation("scattered cotangent", gradient, wanted, truth.bound + 2.0**-53 * np.abs(wanted), truth.scale)


INQUIRIES = ()
