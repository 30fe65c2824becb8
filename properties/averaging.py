"""Laws of averaging: the answer of attention is a mean of the values, weighted by how the keys answer the query."""

from __future__ import annotations

import numpy as np

from veriformer.properties.attention import FREE, PLAIN, draw, indexed, law, seen
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, not_above, relation, times
from veriformer.properties.probes import Draw
from veriformer.properties.softmax import within_two


def draw_permutations(recipe: Draw) -> Case:
    """Queries, keys and values, and a permutation of each of the two lengths."""
    orders = {"queries": recipe.permutation("queries", recipe["length"])}
    return draw(recipe).but(extra={**orders, "keys": recipe.permutation("keys", recipe["length_k"])})


@law("Permuting the queries permutes the rows of the answer.", rows=FREE, draw=draw_permutations)
def is_permutation_equivariant_in_the_queries(case: Case, experiment: Experiment) -> Evidence:
    """f(P q, k, v) = P f(q, k, v)."""
    order = case.extra["queries"]
    q, k, v = case.arguments
    moved = experiment.ask(case.but(arguments=(q[..., order, :], k, v), options=indexed(case.options, queries=order)))
    still = experiment.ask(case)
    allowed = moved.bound + still.bound[..., order, :]
    return relation("permuted answer", moved.value, still.value[..., order, :], allowed, still.scale)


@law("Permuting keys, values and mask together changes nothing.", rows=FREE, draw=draw_permutations)
def ignores_the_order_of_keys(case: Case, experiment: Experiment) -> Evidence:
    """f(q, P k, P v) = f(q, k, v)."""
    order = case.extra["keys"]
    q, k, v = case.arguments
    permuted = (q, k[..., order, :], v[..., order, :])
    moved = experiment.ask(case.but(arguments=permuted, options=indexed(case.options, keys=order)))
    return within_two(moved, experiment.ask(case), "answer for the keys in order")


@law("The answer lies between the smallest and the largest value that the query sees.", rows=PLAIN)
def stays_in_the_convex_hull_of_the_values(case: Case, experiment: Experiment) -> tuple[Evidence, Evidence]:
    """min v - B <= f <= max v + B, over the allowed keys of each query."""
    answer = experiment.ask(case)
    mask = seen(case, experiment)[..., None]
    alive = mask.any(-2)
    v = case.arguments[2].astype(np.float64)[..., None, :, :]
    high = np.where(mask, v, -np.inf).max(-2)
    low = np.where(mask, v, np.inf).min(-2)
    f = answer.value
    above = not_above("largest value", np.where(alive, f, 0), np.where(alive, high, 0), answer.bound, answer.scale)
    below = not_above(
        "negated smallest value", np.where(alive, -f, 0), np.where(alive, -low, 0), answer.bound, answer.scale
    )
    return above, below


def draw_single(recipe: Draw) -> Case:
    """One key and one value."""
    case = draw(recipe)
    q, k, v = case.arguments
    return case.but(arguments=(q, k[..., :1, :], v[..., :1, :]), options={})


@law("A single key returns its value.", rows=FREE, draw=draw_single)
def a_single_key_returns_its_value(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k_1, v_1) = v_1."""
    answer = experiment.ask(case)
    value = np.broadcast_to(case.arguments[2], answer.value.shape)
    return relation("the value", answer.value, value, answer.bound, answer.scale)


@law("Equal keys give the mean of the values.", rows=FREE)
def equal_keys_give_the_mean_of_the_values(case: Case, experiment: Experiment) -> Evidence:
    """k_j = k_1 for all j: f = mean of the allowed values; a bias would tell the keys apart."""
    q, k, v = case.arguments
    same_keys = np.broadcast_to(k[..., :1, :], k.shape).copy()
    options = {name: value for name, value in case.options.items() if name != "bias"}
    equal = case.but(arguments=(q, same_keys, v), options=options)
    answer = experiment.ask(equal)
    mask = seen(equal, experiment)
    count = mask.sum(-1, keepdims=True)
    wide = v.astype(np.float64)
    mean = (mask.astype(np.float64) @ wide) / count
    # the mean itself is computed in float64: n roundings of the sum of magnitudes
    own = 2.0**-52 * v.shape[-2] * (mask.astype(np.float64) @ np.abs(wide)) / count
    return relation("mean of the values", answer.value, mean, answer.bound + own, answer.scale)


def draw_factor(recipe: Draw) -> Case:
    """Queries, keys and values, and a power of two."""
    return draw(recipe).but(extra={"factor": float(recipe.rng("factor").choice([0.25, 2.0, -4.0]))})


@law("Scaling the values by a power of two scales the answer.", rows=PLAIN, draw=draw_factor)
def scales_with_the_values(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k, a v) = a f(q, k, v)."""
    q, k, v = case.arguments
    a = case.extra["factor"]
    scaled, plain = experiment.ask(case.but(arguments=(q, k, times(v, a)))), experiment.ask(case)
    return relation("scaled answer", scaled.value, a * plain.value, scaled.bound + abs(a) * plain.bound, scaled.scale)
