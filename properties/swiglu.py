"""Laws of swiglu."""

from __future__ import annotations

import numpy as np

from veriformer.properties import feed_forward
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, relation, times
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power, ranked
from veriformer.properties.softmax import within_two
from veriformer.properties.special import law_of_nan

ROWS = ranked(
    {"batch": (), "length": 1, "d_model": 1, "d_ff": 1},
    {"batch": (), "length": 2, "d_model": 2, "d_ff": 3},
    {"batch": (2,), "length": 3, "d_model": 4, "d_ff": 5},
    {"batch": (2, 2), "length": 2, "d_model": 5, "d_ff": 9},
    {"batch": (), "length": 3, "d_model": 17, "d_ff": 33},
    {"batch": (), "length": 2, "d_model": 64, "d_ff": 64, "reach": "tile"},
    {"batch": (), "length": 33, "d_model": 3, "d_ff": 65, "reach": "tile"},
    {"batch": (2,), "length": 2, "d_model": 31, "d_ff": 3, "reach": "tile"},
    {"batch": (), "length": 1, "d_model": 2, "d_ff": 769, "reach": "long"},
    {"batch": (1,), "length": 16, "d_model": 64, "d_ff": 128, "kernel": True},
)
LARGE = ranked(
    {"batch": (), "length": BEYOND_16_BITS, "d_model": 2, "d_ff": 3},
    {"batch": (), "length": 3, "d_model": 2, "d_ff": 4099},
    {"batch": (), "length": 3, "d_model": 4099, "d_ff": 2},
)


def draw(recipe: Draw) -> Case:
    """Positions of any kind, weights that keep their size."""
    d_model, d_ff = recipe["d_model"], recipe["d_ff"]
    x = recipe.array("x", (*recipe["batch"], recipe["length"], d_model))
    shapes = {"w_gate": (d_model, d_ff), "w_up": (d_model, d_ff), "w_down": (d_ff, d_model)}
    return Case((x, {name: recipe.weights(name, shape) for name, shape in shapes.items()}))


SUBJECT = Subject("swiglu", ROWS, draw, batched={"x": 2}, top=power(0.4), differentiable=True, large=LARGE)
law = SUBJECT.law


@law("Each position is answered by itself.", rows=tuple(r for r in ROWS if r["length"] > 1))
def rows_act_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(x)[i] = f(x[i])."""
    return feed_forward.rows_act_alone.test(case, experiment)  # type: ignore[return-value]


def draw_order(recipe: Draw) -> Case:
    """A case and an order of the hidden units."""
    return draw(recipe).but(extra={"order": recipe.permutation("hidden", recipe["d_ff"])})


@law("Permuting the hidden units changes nothing.", rows=tuple(r for r in ROWS if r["d_ff"] > 1), draw=draw_order)
def ignores_the_order_of_hidden_units(case: Case, experiment: Experiment) -> Evidence:
    """Columns of w_gate and w_up and rows of w_down move together."""
    order = case.extra["order"]
    x, p = case.arguments
    moved = {"w_gate": p["w_gate"][:, order], "w_up": p["w_up"][:, order], "w_down": p["w_down"][order]}
    permuted = experiment.ask(case.but(arguments=(x, moved)))
    return within_two(permuted, experiment.ask(case), "answer for the units in order")


def draw_factor(recipe: Draw) -> Case:
    """A case and a power of two."""
    return draw(recipe).but(extra={"factor": float(recipe.rng("factor").choice([0.25, 2.0, -4.0]))})


@law("What is gated comes in linearly: scaling w_up by a power of two scales the answer.", draw=draw_factor)
def is_linear_in_what_is_gated(case: Case, experiment: Experiment) -> Evidence:
    """f(x; a w_up) = a f(x; w_up)."""
    x, p = case.arguments
    a = case.extra["factor"]
    scaled = experiment.ask(case.but(arguments=(x, {**p, "w_up": times(p["w_up"], a)})))
    plain = experiment.ask(case)
    return relation("scaled answer", scaled.value, a * plain.value, scaled.bound + abs(a) * plain.bound, scaled.scale)


@law("Where the gate is shut nothing passes.")
def a_gate_of_zero_is_shut(case: Case, experiment: Experiment) -> Evidence:
    """w_gate = 0: f(x) = 0."""
    x, p = case.arguments
    answer = experiment.ask(case.but(arguments=(x, {**p, "w_gate": np.zeros_like(p["w_gate"])})))
    return relation("0", answer.value, np.zeros(answer.value.shape), answer.bound, answer.scale)


nan_is_not_lost = law_of_nan(SUBJECT, "nan makes all of its row nan.", row=True)

INQUIRIES = ()
