"""Laws of layer_norm."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation, times
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.softmax import exact_sums, row, within_two
from veriformer.properties.special import law_of_nan
from veriformer.spec.numbers import working_precision
from veriformer.spec.numbers.precision import FLOAT16, FORMATS

ROWS = (
    row((3,)),
    row((2, 4)),
    row((2, 8), eps=1e-3),
    row((2, 3, 6)),
    row((3, 16), eps=0.25),
    row((1, 1)),
    row((2, 2, 3, 5)),
    row((2, 33)),
    row((2, 64)),
    row((400, 3), many=True),  # rows in the gradients of gamma and beta
    row((1, 300), eps=1e-6),
    row((3, 31), reach="tile"),
    row((2, 65), reach="tile"),
    row((1, 1024), reach="long"),
    row((2, 1025), reach="long"),
    row((4, 128), kernel=True),
    row((2, 768), kernel=True),
    row((2, 1024), kernel=True),
)
LARGE = (row((BEYOND_16_BITS, 3)), row((1, BEYOND_16_BITS)))


LEAST = 0.25
"""In float16 the derivative by the variance, r^3 times a sum over the row, overflows for rows that deviate by much less."""


def draw(recipe: Draw) -> Case:
    """Vectors of any kind; half of the sizes name eps, half leave it to its default."""
    n, x = recipe["shape"][-1], recipe.array("x", recipe["shape"])
    x = spread(x, x - x.mean(-1, keepdims=True, dtype=np.float64), recipe)
    arguments = (x, recipe.vector("gamma", n, around=1.0), recipe.vector("beta", n))
    return Case(arguments, {"eps": recipe["eps"]} if recipe.get("eps") else {})


def spread(x: np.ndarray, deviations: np.ndarray, recipe: Draw) -> np.ndarray:
    """The vectors; those of which honest code may have no gradient in float16, because they deviate by too little, multiplied
    by a power of two. Raises NotJudged of single numbers, which do not deviate at all."""
    if not recipe.gradients or FORMATS[recipe.dtype] is not FLOAT16:
        return x
    if x.shape[-1] == 1:
        raise NotJudged("the gradient of a single number overflows in float16")
    deviation = np.sqrt(np.mean(deviations.astype(np.float64) ** 2, -1, keepdims=True))
    small = (deviation > 0) & (deviation < LEAST)
    factor = 2.0 ** np.ceil(np.log2(LEAST / np.where(small, deviation, LEAST)))
    return recipe.cast(x.astype(np.float64) * factor)


SUBJECT = Subject(
    "layer_norm",
    ROWS,
    draw,
    batched={"x": 1},
    top=power(0.4),
    differentiable=True,
    alike=("gamma", "beta"),
    large=LARGE,
)
law = SUBJECT.law
EXACT = ("normal", "large", "offset")


def draw_shift(recipe: Draw) -> Case:
    """Vectors and a shift for each, on one grid."""
    x = recipe.grid("x", recipe["shape"])
    return draw(recipe).replacing(0, x).but(extra={"shift": recipe.grid("shift", (*x.shape[:-1], 1), steps=16384)})


@law("Adding one number to a whole vector changes nothing.", draw=draw_shift, kinds=EXACT)
def ignores_a_shift(case: Case, experiment: Experiment) -> Evidence:
    """f(x + c) = f(x), where x + c is exact."""
    x, shift = case.arguments[0], case.extra["shift"]
    moved = x + shift
    if (moved.astype(np.float64) != x.astype(np.float64) + shift.astype(np.float64)).any():
        raise NotJudged("x + c is not exact")
    return within_two(experiment.ask(case.replacing(0, moved)), experiment.ask(case), "norm of the unshifted vector")


def draw_scaled(recipe: Draw) -> Case:
    """Vectors, an eps, and a power of two."""
    case = draw(recipe)
    factor = float(recipe.rng("factor").choice([-8.0, -0.5, 0.25, 4.0, 16.0]))
    x = recipe.array("x", recipe["shape"], "normal" if recipe.kind in ("huge", "denormal") else recipe.kind)
    beta = np.zeros_like(case.arguments[2])
    return case.but(
        arguments=(x, case.arguments[1], beta),
        options={"eps": 2.0**-10},
        extra={"factor": factor},
        fixed=frozenset({(0, 2)}),
    )


@law("Scaling x by a and eps by a squared changes at most the sign.", draw=draw_scaled, needs=("eps",))
def scales_with_eps(case: Case, experiment: Experiment) -> Evidence:
    """f(a x; a^2 eps) = sign(a) f(x; eps) for a power of two a, with beta = 0. Without its eps scaled, false."""
    return scaled_with_eps(case, experiment)


def scaled_with_eps(case: Case, experiment: Experiment) -> Evidence:
    """The law for both norms."""
    a, x = case.extra["factor"], case.arguments[0]
    scaled = case.replacing(0, times(x, a)).but(options={"eps": a * a * case.options["eps"]})
    one, other = experiment.ask(scaled), experiment.ask(case)
    return relation("norm of x", one.value, np.sign(a) * other.value, one.bound + other.bound, one.scale)


def draw_plain(recipe: Draw) -> Case:
    """Vectors with gamma = 1 and beta = 0."""
    x, gamma, beta = draw(recipe).arguments
    arguments = (x, np.ones_like(gamma), np.zeros_like(beta))
    return draw(recipe).but(arguments=arguments, fixed=frozenset({(0, 1), (0, 2)}))


@law("The normalised vector has mean 0.", draw=draw_plain)
def the_mean_is_zero(case: Case, experiment: Experiment) -> Evidence:
    """sum f = 0 within the sum of the bounds, for gamma = 1 and beta = 0."""
    answer = experiment.ask(case)
    sums = exact_sums(answer.value)
    return relation("sums", sums, np.zeros(sums.shape), answer.bound.sum(-1), float(case.arguments[0].shape[-1]))


@law("The mean of the squares is var / (var + eps).", draw=draw_plain)
def the_mean_of_squares_is_var_over_var_plus_eps(case: Case, experiment: Experiment) -> Evidence:
    """Not 1: eps takes its share. The errors of f enter as 2 |F| B + B^2, with the certified F."""
    return mean_of_squares(case, experiment)


def mean_of_squares(case: Case, experiment: Experiment) -> Evidence:
    """The law for both norms: the truth's own mean of squares, and how far an honest answer's may be from it."""
    answer = experiment.ask(case)
    f, bound, n = answer.value, answer.bound, case.arguments[0].shape[-1]
    with working_precision(256):
        truth = answer.truth.ball
        wanted = ((truth * truth).sum(-1) / n).centres()
    size = np.abs(truth.centres())
    got = exact_sums(f * f) / n
    rounding = 2.0**-50 * wanted  # f * f, the quotient and the truth, in float64
    allowed = (2 * size * bound + bound * bound).sum(-1) / n + rounding
    return relation("mean of squares", got, wanted, allowed, 1.0)


def draw_feature(recipe: Draw) -> Case:
    """Vectors, and another gain and shift for one feature."""
    case = draw(recipe)
    n = recipe["shape"][-1]
    extra = {"feature": int(recipe.integers("feature", (), 0, n)), "gain": 3.0, "shift": -2.0}
    return case.but(extra=extra)


@law("gamma and beta of a feature act on that feature alone.", draw=draw_feature)
def gamma_and_beta_act_per_feature(case: Case, experiment: Experiment) -> Evidence:
    """Changing gamma_i and beta_i changes f_i only."""
    feature = case.extra["feature"]
    x, gamma, beta = case.arguments
    other_gamma, other_beta = gamma.copy(), beta.copy()
    other_gamma[feature], other_beta[feature] = case.extra["gain"], case.extra["shift"]
    one, other = experiment.ask(case.but(arguments=(x, other_gamma, other_beta))), experiment.ask(case)
    keep = np.arange(x.shape[-1]) != feature
    allowed = (one.bound + other.bound)[..., keep]
    scale = np.broadcast_to(other.scale, other.bound.shape)[..., keep]
    return relation("the other features", one.value[..., keep], other.value[..., keep], allowed, scale)


nan_is_not_lost = law_of_nan(SUBJECT, "nan makes all of its row nan.", row=True)

INQUIRIES = ()
