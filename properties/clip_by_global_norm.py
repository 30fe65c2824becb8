"""Laws of clip_by_global_norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from veriformer.properties import tensors
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, not_above, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.tensors import MANY, SHAPES, Named, matched
from veriformer.spec.numbers.precision import FORMATS

SHARES = (0.5, 2.0, 0.25, 1.0, 0.001, 0.999, math.inf)
"""max_norm as a share of the norm: clipped much and little, not at all, and on the border."""


def row(shapes: tuple[tuple[int, ...], ...], share: float) -> dict[str, Any]:
    """Sizes of one case."""
    return tensors.row(*shapes, share=share)


ROWS = (
    *(row(shapes, share) for shapes, share in zip(SHAPES, SHARES, strict=True)),
    {**row(((33,), (65,)), 0.5), "reach": "tile"},
    {**row(((24, 33), (5,)), 0.25), "reach": "long"},
    {**row(MANY, 0.5), "reach": "long"},
)


def length(arrays: Named) -> float:
    """The norm of all arrays together, in float64."""
    return math.hypot(*(float(x) for array in arrays.values() for x in array.ravel()))


def threshold(share: float, grads: Named) -> float:
    """This share of the norm; 1 where the norm is so small that its reciprocal, which honest code may form, overflows."""
    form = FORMATS[str(next(iter(grads.values())).dtype)]
    return share if share == math.inf else share * length(grads) if length(grads) > 4 * form.tiny else 1.0


def draw(recipe: Draw) -> Case:
    """Gradients of any kind, and a threshold near their norm; 1 where they are 0."""
    grads = tensors.named(recipe, "grads")
    return Case((grads, threshold(recipe["share"], grads)))


def top(dtype: str) -> float:
    """Magnitudes of which the squares of all numbers drawn, at most 64, can be added up."""
    return min(power(0.4)(dtype), math.sqrt(FORMATS[dtype].largest / 64))


SUBJECT = Subject("clip_by_global_norm", ROWS, draw, top=top, large=(row(((BEYOND_16_BITS,), (3,)), 0.5),))
law = SUBJECT.law
LIMITED = tuple(r for r in ROWS if r["share"] != math.inf)
CLIPPED = tuple(r for r in ROWS if r["share"] in (0.5, 0.25, 0.001, 0.999))


def together(experiment: Experiment, answer: Answer) -> list[list[str]]:
    """Which arrays have one norm: all, or each by itself."""
    names = [str(path[-1]) for path, _ in answer.outputs]
    return [[name] for name in names] if experiment.conventions.get("norm_of") == "per_tensor" else [names]


def needs_the_plain_norm(experiment: Experiment) -> None:
    """With something added to the norm a clipped gradient is shorter than the threshold, and shrinks again."""
    if experiment.conventions.get("under", "norm") != "norm":
        raise NotJudged("something is added to the norm")


def needs_one_norm(experiment: Experiment) -> None:
    """All arrays together."""
    if experiment.conventions.get("norm_of", "global") != "global":
        raise NotJudged("each array has a norm of its own")


@law("The clipped gradients are no longer than max_norm.", rows=LIMITED)
def the_norm_is_at_most_max_norm(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f| <= c + |B|, by the triangle inequality."""
    limit = case.arguments[1]
    answer = experiment.ask(case)
    arrays = tensors.by_path(answer)
    evidence = []
    for names in together(experiment, answer):
        got = length({name: arrays[(name,)][0] for name in names})
        allowed = length({name: arrays[(name,)][1].bound for name in names}) + 2.0**-50 * got  # the norm, in float64
        evidence.append(not_above(f"norm of {', '.join(names)}", got, limit, allowed, limit))
    return tuple(evidence)


def draw_short(recipe: Draw) -> Case:
    """A threshold of twice the norm."""
    case = draw(recipe)
    return case.replacing(1, threshold(2.0, case.arguments[0]))


@law("Gradients that are short enough stay what they are.", draw=draw_short)
def leaves_short_gradients_alone(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(g; c) = g for |g| <= c, where nothing is added to the norm."""
    needs_the_plain_norm(experiment)
    answer = experiment.ask(case)
    return tuple(
        tensors.beside(f"the gradient {path[-1]}", got, case.arguments[0][path[-1]], truth)
        for path, got, truth in answer.each()
    )


@law("Clipping twice is clipping once.", rows=CLIPPED)
def is_idempotent(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(y) = y for y = f(g). |y| may exceed c by |B|, so f(y) may be shorter by a share |B| / c of y."""
    needs_the_plain_norm(experiment)
    limit = case.arguments[1]
    once = experiment.ask(case)
    clipped = {str(path[-1]): array for path, array in once.arrays()}
    twice = tensors.by_path(experiment.ask(case.replacing(0, clipped)))
    excess = length({str(name): truth.bound for (name,), (_, truth) in tensors.by_path(once).items()}) / limit
    evidence = []
    for (name,), (got, truth) in twice.items():
        shorter = excess * np.abs(clipped[str(name)].astype(np.float64))
        allowed = truth.bound + shorter
        evidence.append(relation(f"{name} clipped twice", got, clipped[str(name)], allowed, truth.scale))
    return tuple(evidence)


@law("All numbers shrink by one factor: the direction stays.", rows=LIMITED)
def keeps_the_direction(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f_i g_r = f_r g_i for the largest gradient g_r."""
    grads = case.arguments[0]
    answer = experiment.ask(case)
    arrays = tensors.by_path(answer)
    evidence = []
    for names in together(experiment, answer):
        g, f, bound = (
            np.concatenate([np.ravel(part[name]) for name in names])
            for part in (
                {name: grads[name].astype(np.float64) for name in names},
                {name: arrays[(name,)][0] for name in names},
                {name: arrays[(name,)][1].bound for name in names},
            )
        )
        r = int(np.argmax(np.abs(g)))
        own = 2.0**-50 * np.abs(f[r] * g)  # two products and their difference, in float64
        allowed = np.abs(g[r]) * bound + np.abs(g) * bound[r] + own
        evidence.append(relation(f"ratios of {', '.join(names)}", f * g[r], f[r] * g, allowed, np.abs(g[r] * f[r])))
    return tuple(evidence)


def draw_factor(recipe: Draw) -> Case:
    """Gradients far from either end of the range, and a power of two."""
    return draw(recipe).but(extra={"factor": float(recipe.rng("factor").choice([-4.0, -1.0, 0.25, 8.0]))})


@law(
    "It does not depend on the unit of the gradients.", draw=draw_factor, rows=LIMITED, kinds=tensors.FAR_FROM_THE_ENDS
)
def is_homogeneous(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(a g; |a| c) = a f(g; c) for a power of two a, where nothing is added to the norm."""
    needs_the_plain_norm(experiment)
    (grads, limit), a = case.arguments, case.extra["factor"]
    larger = experiment.ask(case.but(arguments=(tensors.scaled(grads, a), abs(a) * limit)))
    return matched(larger, experiment.ask(case), "scaled after clipping", lambda path: a)


@law("The order of the arrays does not matter.", rows=tensors.several(ROWS))
def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of a dictionary in another order holds the same arrays."""
    return tensors.in_another_order(case, experiment)


@law("An array may be given as two.")
def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the two halves is the two halves of f, where the norm is of all arrays together."""
    needs_one_norm(experiment)
    return tensors.in_two_tensors(case, experiment)


@law("An array of zeros changes nothing.", rows=LIMITED)
def an_array_of_zeros_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f({g, 0}) holds the arrays of f({g}): a sum of squares, no mean."""
    grads, limit = case.arguments
    zeros = np.zeros((4, 4), next(iter(grads.values())).dtype)
    longer = tensors.by_path(experiment.ask(case.but(arguments=({**grads, "zeros": zeros}, limit))))
    return tuple(
        relation(f"{path[-1]} beside zeros", longer[path][0], got, longer[path][1].bound + truth.bound, truth.scale)
        for path, got, truth in experiment.ask(case).each()
    )


INQUIRIES = ()
