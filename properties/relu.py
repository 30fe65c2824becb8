"""Laws of relu."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, not_above, relation, times
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.softmax import row, within_two
from veriformer.properties.special import law_of_limits, law_of_nan

ROWS = (row((3,)), row((1, 4)), row((2, 3, 5)), row((5, 33)), row((2, 2, 3, 65)), row((2, 1025), reach="long"))
"""Sizes of everything that acts on each element by itself."""
LARGE = (row((BEYOND_16_BITS, 2)),)


def draw(recipe: Draw) -> Case:
    """Numbers of any kind."""
    return Case((recipe.array("x", recipe["shape"]),))


SUBJECT = Subject("relu", ROWS, draw, batched={"x": 1}, top=power(0.99), differentiable=True, large=LARGE)
law = SUBJECT.law


def draw_factor(recipe: Draw) -> Case:
    """Numbers, and a positive power of two."""
    factor = float(recipe.rng("factor").choice([0.25, 2.0, 8.0]))
    return Case((recipe.array("x", recipe["shape"], "normal"),), extra={"factor": factor})


@law("Scaling by a positive power of two scales the answer.", draw=draw_factor)
def is_positively_homogeneous(case: Case, experiment: Experiment) -> Evidence:
    """f(a x) = a f(x) for a = 2^k > 0."""
    (x,), a = case.arguments, case.extra["factor"]
    scaled, plain = experiment.ask(case.but(arguments=(times(x, a),))), experiment.ask(case)
    allowed = scaled.bound + a * plain.bound
    return relation("scaled answer", scaled.value, a * plain.value, allowed, scaled.scale)


@law("Applied twice it is applied once.")
def is_idempotent(case: Case, experiment: Experiment) -> Evidence:
    """f(f(x)) = f(x)."""
    once = experiment.ask(case)
    twice = experiment.ask(case.but(arguments=(np.asarray(once.output(())).astype(case.arguments[0].dtype),)))
    return within_two(twice, once, "answer applied once")


def mirrored(case: Case, experiment: Experiment) -> Evidence:
    """f(x) - f(-x) = x, for every function that is x times something that x and -x share between them."""
    (x,) = case.arguments
    here, there = experiment.ask(case), experiment.ask(case.but(arguments=(-x,)))
    difference = here.value - there.value
    own = 2.0**-52 * np.maximum(np.abs(here.value), np.abs(there.value))  # the difference itself, in float64
    return relation("x itself", difference, x, here.bound + there.bound + own, here.scale + there.scale)


def below_the_rectifier(case: Case, experiment: Experiment) -> Evidence:
    """f(x) <= max(x, 0), for every function that lets less pass than a rectifier."""
    answer = experiment.ask(case)
    rectified = np.maximum(case.arguments[0].astype(np.float64), 0)
    return not_above("max(x, 0)", answer.value, rectified, answer.bound, answer.scale)


@law("What passes of x, less what passes of -x, is x.")
def the_two_halves_make_the_whole(case: Case, experiment: Experiment) -> Evidence:
    """f(x) - f(-x) = x."""
    return mirrored(case, experiment)


nan_is_not_lost = law_of_nan(SUBJECT, "nan is answered with nan, in the same place.", row=False)
infinities_have_their_limits = law_of_limits(SUBJECT, (0.0,))

INQUIRIES = ()
