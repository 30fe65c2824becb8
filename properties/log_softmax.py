"""Laws of log_softmax."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, not_above, relation
from veriformer.properties.probes import Draw, power
from veriformer.properties.softmax import LARGE, row, within_two
from veriformer.properties.special import law_of_a_removed_entry, law_of_nan
from veriformer.spec import COMPONENTS

TILES = (row((2, 31), reach="tile"), row((3, 65), reach="tile"), row((2, 256), reach="tile"))
LONG = (row((2, 1024), reach="long"), row((1, 3001), reach="long"))
ROWS = (row((3,)), row((1,)), row((2, 4)), row((2, 3, 5)), row((4, 8)), row((2, 33)), row((2, 300)), *TILES, *LONG)


def draw(recipe: Draw) -> Case:
    """Logits of any kind."""
    return Case((recipe.array("x", recipe["shape"]),))


SUBJECT = Subject("log_softmax", ROWS, draw, batched={"x": 1}, top=power(0.9), differentiable=True, large=LARGE)
law = SUBJECT.law


def exponentials(case: Case, experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """exp f, and how far it may be from the softmax: e^F (e^B - 1), at the certified F."""
    answer = experiment.ask(case)
    truth = experiment.truth_of(COMPONENTS["softmax"], case).ball.centres()
    own = 2.0**-51  # exp itself, in float64
    return np.exp(answer.value), truth * np.expm1(answer.bound) + own


@law("The exponentials of a row sum to one.")
def exponentials_sum_to_one(case: Case, experiment: Experiment) -> Evidence:
    """sum exp f = 1, within the sum of what each exponential may err."""
    weights, allowed = exponentials(case, experiment)
    sums = weights.sum(-1)
    return relation("sums", sums, np.ones(sums.shape), allowed.sum(-1) + weights.shape[-1] * 2.0**-52, 1.0)


@law("Its exponential is the softmax.")
def is_the_logarithm_of_the_softmax(case: Case, experiment: Experiment) -> Evidence:
    """exp f = softmax(x), the certified one."""
    weights, allowed = exponentials(case, experiment)
    truth = experiment.truth_of(COMPONENTS["softmax"], case).ball.centres()
    return relation("softmax", weights, truth, allowed, 1.0)


@law("No logarithm of a weight is positive.")
def is_never_positive(case: Case, experiment: Experiment) -> Evidence:
    """f <= 0, within the bound."""
    answer = experiment.ask(case)
    return not_above("0", answer.value, np.zeros(answer.value.shape), answer.bound, answer.scale)


def draw_shift(recipe: Draw) -> Case:
    """Logits and a shift for each row, on one grid."""
    x = recipe.grid("x", recipe["shape"])
    return Case((x,), extra={"shift": recipe.grid("shift", (*x.shape[:-1], 1), steps=16384)})


@law("Adding one number to a row changes nothing.", draw=draw_shift, kinds=("normal", "large", "offset"))
def ignores_a_shift(case: Case, experiment: Experiment) -> Evidence:
    """f(x + c) = f(x), where x + c is exact."""
    (x,), shift = case.arguments, case.extra["shift"]
    moved = x + shift
    if (moved.astype(np.float64) != x.astype(np.float64) + shift.astype(np.float64)).any():
        raise NotJudged("x + c is not exact")
    return within_two(
        experiment.ask(case.but(arguments=(moved,))), experiment.ask(case), "answer for the unshifted row"
    )


def draw_permutation(recipe: Draw) -> Case:
    """Logits and an order."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["n"])})


@law(
    "Permuting the logits permutes the answer.",
    rows=tuple(r for r in ROWS if r["n"] > 1),
    draw=draw_permutation,
)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(P x) = P f(x)."""
    order, (x,) = case.extra["order"], case.arguments
    moved, still = experiment.ask(case.but(arguments=(x[..., order],))), experiment.ask(case)
    allowed = moved.bound + still.bound[..., order]
    return relation("permuted answer", moved.value, still.value[..., order], allowed, moved.scale)


nan_is_not_lost = law_of_nan(SUBJECT, "nan makes all of its row nan.", row=True)
a_logit_of_minus_infinity_is_none = law_of_a_removed_entry(SUBJECT, -np.inf, tuple(r for r in ROWS if r["n"] > 1))

INQUIRIES = ()
