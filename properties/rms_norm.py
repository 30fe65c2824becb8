"""Laws of rms_norm."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.layer_norm import LARGE, ROWS, mean_of_squares, scaled_with_eps, spread
from veriformer.properties.probes import Draw, power
from veriformer.properties.special import law_of_nan


def draw(recipe: Draw) -> Case:
    """Vectors of any kind; half of the sizes name eps, half leave it to its default."""
    x = recipe.array("x", recipe["shape"])
    arguments = (spread(x, x, recipe), recipe.vector("gamma", recipe["shape"][-1], around=1.0))
    return Case(arguments, {"eps": recipe["eps"]} if recipe.get("eps") else {})


SUBJECT = Subject("rms_norm", ROWS, draw, batched={"x": 1}, top=power(0.4), differentiable=True, large=LARGE)
law = SUBJECT.law


def draw_scaled(recipe: Draw) -> Case:
    """Vectors, an eps, and a power of two."""
    case = draw(recipe)
    factor = float(recipe.rng("factor").choice([-8.0, -0.5, 0.25, 4.0, 16.0]))
    x = recipe.array("x", recipe["shape"], "normal" if recipe.kind in ("huge", "denormal") else recipe.kind)
    return case.replacing(0, x).but(options={"eps": 2.0**-10}, extra={"factor": factor})


@law("Scaling x by a and eps by a squared changes at most the sign.", draw=draw_scaled, needs=("eps",))
def scales_with_eps(case: Case, experiment: Experiment) -> Evidence:
    """f(a x; a^2 eps) = sign(a) f(x; eps) for a power of two a. Without its eps scaled, false."""
    return scaled_with_eps(case, experiment)


def draw_plain(recipe: Draw) -> Case:
    """Vectors with gamma = 1."""
    x, gamma = draw(recipe).arguments
    return draw(recipe).but(arguments=(x, np.ones_like(gamma)), fixed=frozenset({(0, 1)}))


@law("The mean of the squares is ms / (ms + eps).", draw=draw_plain)
def the_mean_of_squares_is_ms_over_ms_plus_eps(case: Case, experiment: Experiment) -> Evidence:
    """Not 1: eps takes its share. The errors of f enter as 2 |F| B + B^2, with the certified F."""
    return mean_of_squares(case, experiment)


def draw_order(recipe: Draw) -> Case:
    """Vectors and an order of their features."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["n"])})


@law("Permuting the features with gamma permutes the answer.", draw=draw_order)
def is_permutation_equivariant_with_gamma(case: Case, experiment: Experiment) -> Evidence:
    """f(P x; P gamma) = P f(x; gamma)."""
    order, (x, gamma) = case.extra["order"], case.arguments
    moved, still = experiment.ask(case.but(arguments=(x[..., order], gamma[order]))), experiment.ask(case)
    scale = still.scale[..., order]
    return relation("permuted norm", moved.value, still.value[..., order], moved.bound + still.bound[..., order], scale)


nan_is_not_lost = law_of_nan(SUBJECT, "nan makes all of its row nan.", row=True)

INQUIRIES = ()
