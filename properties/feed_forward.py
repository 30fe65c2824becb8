"""Laws of feed_forward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation, times
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.softmax import within_two
from veriformer.properties.special import law_of_nan


def row(batch: tuple[int, ...], length: int, d_model: int, d_ff: int, **more: Any) -> dict[str, Any]:
    """Sizes of one case."""
    return {"batch": batch, "rank": len(batch) + 2, "length": length, "d_model": d_model, "d_ff": d_ff, **more}


ROWS = (
    row((), 1, 1, 1),
    row((), 2, 2, 3),
    row((2,), 2, 3, 4, activation="gelu"),
    row((2,), 3, 4, 8),
    row((), 4, 4, 2, activation="gelu"),
    row((2, 2), 2, 5, 9, activation="relu"),
    row((), 3, 17, 33),
    row((), 2, 16, 64, activation="gelu"),
    row((), 400, 2, 3),  # many rows in the gradients of the biases
    row((), 33, 3, 65, reach="tile"),
    row((), 2, 64, 64, reach="tile"),
    row((2,), 2, 31, 3, activation="gelu", reach="tile"),
    row((), 1, 2, 769, reach="long"),
    row((), 2, 300, 2, reach="long"),
    row((1,), 16, 64, 256, kernel=True),
    row((1,), 16, 128, 128, activation="gelu", kernel=True),
)
LARGE = (row((), BEYOND_16_BITS, 2, 3), row((), 3, 2, 4099), row((), 3, 4099, 2))


def parameters(recipe: Draw, prefix: str = "") -> dict[str, np.ndarray]:
    """Two affine maps."""
    d_model, d_ff = recipe["d_model"], recipe["d_ff"]
    return {
        "w_1": recipe.weights(f"{prefix}w_1", (d_model, d_ff)),
        "b_1": recipe.vector(f"{prefix}b_1", d_ff),
        "w_2": recipe.weights(f"{prefix}w_2", (d_ff, d_model)),
        "b_2": recipe.vector(f"{prefix}b_2", d_model),
    }


def draw(recipe: Draw) -> Case:
    """Positions of any kind, weights that keep their size."""
    x = recipe.array("x", (*recipe["batch"], recipe["length"], recipe["d_model"]))
    options = {"activation": recipe["activation"]} if recipe.get("activation") else {}
    return Case((x, parameters(recipe)), options)


SUBJECT = Subject("feed_forward", ROWS, draw, batched={"x": 2}, top=power(0.45), differentiable=True, large=LARGE)
law = SUBJECT.law


@law("Each position is answered by itself.", rows=tuple(r for r in ROWS if r["length"] > 1))
def rows_act_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(x)[i] = f(x[i])."""
    x, params = case.arguments
    whole, first = experiment.ask(case), experiment.ask(case.but(arguments=(x[..., :1, :], params)))
    allowed = whole.bound[..., :1, :] + first.bound
    return relation("first position by itself", whole.value[..., :1, :], first.value, allowed, first.scale)


def draw_order(recipe: Draw) -> Case:
    """A case and an order of the hidden units."""
    return draw(recipe).but(extra={"order": recipe.permutation("hidden", recipe["d_ff"])})


@law("Permuting the hidden units changes nothing.", rows=tuple(r for r in ROWS if r["d_ff"] > 1), draw=draw_order)
def ignores_the_order_of_hidden_units(case: Case, experiment: Experiment) -> Evidence:
    """Columns of w_1, entries of b_1 and rows of w_2 move together."""
    order = case.extra["order"]
    x, p = case.arguments
    moved = {"w_1": p["w_1"][:, order], "b_1": p["b_1"][order], "w_2": p["w_2"][order], "b_2": p["b_2"]}
    return within_two(
        experiment.ask(case.but(arguments=(x, moved))), experiment.ask(case), "answer for the units in order"
    )


def draw_rescaled(recipe: Draw) -> Case:
    """A ReLU case and a power of two for each hidden unit."""
    return draw(recipe).but(extra={"exponents": recipe.integers("exponents", (recipe["d_ff"],), -2, 3)})


@law(
    "ReLU: a hidden unit may be scaled up before and down after.",
    rows=tuple(r for r in ROWS if r.get("activation") != "gelu"),
    draw=draw_rescaled,
)
def hidden_units_can_be_rescaled(case: Case, experiment: Experiment) -> Evidence:
    """max(a z, 0) = a max(z, 0) for powers of two a > 0: (w_1 a, b_1 a, w_2 / a) answers the same."""
    if experiment.setting(case, "activation") != "relu":
        raise NotJudged("only ReLU is homogeneous")
    x, p = case.arguments
    a = 2.0 ** case.extra["exponents"]
    scaled = {
        "w_1": times(p["w_1"], a),
        "b_1": times(p["b_1"], a),
        "w_2": times(p["w_2"], 1 / a[:, None]),
        "b_2": p["b_2"],
    }
    return within_two(experiment.ask(case.but(arguments=(x, scaled))), experiment.ask(case), "answer before rescaling")


nan_is_not_lost = law_of_nan(SUBJECT, "nan makes all of its row nan.", row=True)

INQUIRIES = ()
