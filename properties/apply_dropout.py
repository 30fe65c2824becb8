"""Laws of apply_dropout."""

from __future__ import annotations

import numpy as np

from veriformer.properties import tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, relation, times
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.softmax import row

ROWS = (
    row((3,), rate=0.5),
    row((2, 4), rate=0.1),
    row((2, 3, 5), rate=0.25),
    row((4, 4), rate=0.0),
    row((1,), rate=0.9),
    row((2, 6), rate=1.0),
    row((3, 33), rate=0.3),
    row((2, 300), rate=0.999),
)


def draw(recipe: Draw) -> Case:
    """Numbers of any kind, and a mask that keeps about as many as the rate says."""
    shape, rate = recipe["shape"], recipe["rate"]
    keep = recipe.rng("keep").random(shape) < 1 - rate
    return Case((recipe.array("x", shape), np.asarray(keep), rate))


SUBJECT = Subject(
    "apply_dropout", ROWS, draw, batched={"x": 1, "keep": 1}, top=power(0.9), differentiable=True,
    large=(row((BEYOND_16_BITS, 2), rate=0.5),),
)  # fmt: skip
law = SUBJECT.law
BELOW_ONE = tuple(r for r in ROWS if r["rate"] != 1)


@law("What is dropped is 0, exactly; at rate 1 everything is.")
def what_is_dropped_is_zero(case: Case, experiment: Experiment) -> Evidence:
    """f_i = 0 where the mask is false, and f = 0 for rate 1, even where the mask is true."""
    _, keep, rate = case.arguments
    if rate == 1:
        case, keep = case.replacing(1, np.ones_like(keep)), np.zeros_like(keep)
    if keep.all():
        raise NotJudged("nothing is dropped")
    dropped = experiment.ask(case).value[~keep]
    return differing("numbers dropped", dropped, np.zeros(dropped.shape))


@law("A mask and its opposite leave all of x, once.", rows=BELOW_ONE)
def a_mask_and_its_opposite_add_up(case: Case, experiment: Experiment) -> Evidence:
    """f(x, keep) + f(x, not keep) = f(x, everything)."""
    keep = case.arguments[1]
    one, other = experiment.ask(case), experiment.ask(case.replacing(1, ~keep))
    whole = experiment.ask(case.replacing(1, np.ones_like(keep)))
    allowed = one.bound + other.bound + whole.bound
    return relation("x with nothing dropped", one.value + other.value, whole.value, allowed, whole.scale)


@law("At rate 1/2, the mean over a mask and its opposite is x: the expectation is kept.")
def the_mean_over_masks_is_x(case: Case, experiment: Experiment) -> Evidence:
    """(f(x, keep) + f(x, not keep)) / 2 = x for rate 1/2, where both masks are equally likely."""
    x, keep, _ = case.arguments
    half = case.replacing(2, 0.5)
    one, other = experiment.ask(half), experiment.ask(half.replacing(1, ~keep))
    mean = one.value / 2 + other.value / 2  # one of the two is 0
    return relation("x itself", mean, x, one.bound / 2 + other.bound / 2, one.scale)


@law("At rate 0, what is kept stays what it is.")
def rate_zero_keeps_x(case: Case, experiment: Experiment) -> Evidence:
    """f(x, everything, 0) = x."""
    x, keep, _ = case.arguments
    answer = experiment.ask(case.but(arguments=(x, np.ones_like(keep), 0.0)))
    return relation("x itself", answer.value, x, answer.bound, answer.scale)


def draw_factor(recipe: Draw) -> Case:
    """Numbers far from either end of the range, and a power of two."""
    return draw(recipe).but(extra={"factor": float(recipe.rng("factor").choice([-4.0, -1.0, 0.25, 8.0]))})


@law("It is linear.", draw=draw_factor, kinds=tensors.FAR_FROM_THE_ENDS)
def is_homogeneous(case: Case, experiment: Experiment) -> Evidence:
    """f(a x) = a f(x) for a power of two a."""
    x, a = case.arguments[0], case.extra["factor"]
    larger, plain = experiment.ask(case.replacing(0, times(x, a))), experiment.ask(case)
    allowed = larger.bound + np.abs(a) * plain.bound
    return relation("f(x), scaled", larger.value, a * plain.value, allowed, larger.scale)


@law(
    "No gradient reaches what was dropped.",
    draw=lambda recipe: with_cotangent(draw(recipe), recipe, "apply_dropout"),
    gradients=True,
)
def no_gradient_reaches_what_was_dropped(case: Case, experiment: Experiment) -> Evidence:
    """d x_i = 0, exactly, where the mask is false, or the rate 1."""
    _, keep, rate = case.arguments
    dropped = ~keep | (rate == 1)
    gradient = experiment.ask(case, cotangent=case.extra["cotangent"]).gradient((0,))
    if gradient is None:
        return differing("gradient of x", "none: no derivative reached it", "an array")
    if not dropped.any():
        raise NotJudged("nothing is dropped")
    return differing("gradients of what was dropped", gradient[dropped], np.zeros(int(dropped.sum())))


INQUIRIES = ()
