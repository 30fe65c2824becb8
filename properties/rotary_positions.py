"""Laws of rotary_positions."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.probes import Draw, power, ranked

ROWS = ranked(
    {"batch": (), "length": 2, "d_k": 2},
    {"batch": (), "length": 3, "d_k": 4, "layout": "halves"},
    {"batch": (2,), "length": 3, "d_k": 6},
    {"batch": (2, 2), "length": 2, "d_k": 4, "layout": "interleaved", "base": 100.0},
    {"batch": (2,), "length": 4, "d_k": 8, "layout": "halves", "far": 5000},
    {"batch": (2,), "length": 3, "d_k": 8, "layout": "halves", "base": 1000.0},
    {"batch": (), "length": 33, "d_k": 16, "far": 300},
    {"batch": (1, 2), "length": 5, "d_k": 64, "far": 4096},
    {"batch": (2, 2), "length": 3, "d_k": 20, "each": True, "far": 300},
    {"batch": (2,), "length": 2, "d_k": 80, "layout": "halves", "each": True},
    {"batch": (2, 1), "length": 31, "d_k": 4, "layout": "halves", "reach": "tile"},
    {"batch": (2,), "length": 65, "d_k": 2, "reach": "tile"},
    {"batch": (1,), "length": 300, "d_k": 4, "reach": "long"},
    {"batch": (1, 2), "length": 64, "d_k": 128, "kernel": True},
)
LARGE = ranked({"batch": (), "length": 5001, "d_k": 4})
"""Longer than the tables of many implementations."""


def draw(recipe: Draw) -> Case:
    """Features of any kind at positions in some order, up to a few thousand in some sizes; in some each example has its own."""
    shape = (*recipe["batch"], recipe["length"])
    x = recipe.array("x", (*shape, recipe["d_k"]))
    own = (shape[0], *[1] * (len(shape) - 2)) if recipe.get("each") else ()
    positions = recipe.integers("positions", (*own, shape[-1]), 0, recipe.get("far", 12))
    if recipe.seed % 2:
        first = recipe.integers("first", (*own, 1), 0, 9) if own else 0
        positions = first + np.arange(recipe["length"])
    options = {name: recipe[name] for name in ("layout", "base") if recipe.get(name)}
    return Case((x, positions), options, extension="positions of each example" if own else "")


SUBJECT = Subject(
    "rotary_positions", ROWS, draw, batched={"x": 2, "positions": 1}, top=power(0.9), differentiable=True, large=LARGE
)
law = SUBJECT.law


@law("Position 0 turns nothing.")
def position_0_changes_nothing(case: Case, experiment: Experiment) -> Evidence:
    """f(x, 0) = x."""
    answer = experiment.ask(case.replacing(1, np.zeros_like(case.arguments[1])))
    return relation("x itself", answer.value, case.arguments[0], answer.bound, answer.scale)


def halves(array: np.ndarray, case: Case, experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second features of all pairs."""
    d = array.shape[-1]
    if experiment.setting(case, "layout") == "halves":
        return array[..., : d // 2], array[..., d // 2 :]
    return array[..., 0::2], array[..., 1::2]


def moderate(recipe: Draw) -> Case:
    """Features of moderate size: their squares and products are formed."""
    case = draw(recipe)
    return case.replacing(0, recipe.array("x", case.arguments[0].shape, "normal"))


@law("Each pair of features keeps its length.", draw=moderate)
def pairs_keep_their_length(case: Case, experiment: Experiment) -> Evidence:
    """a'^2 + b'^2 = a^2 + b^2; the errors of the pair enter as 2 |a'| B + B^2."""
    answer = experiment.ask(case)
    x = case.arguments[0].astype(np.float64)
    got, wanted = (sum(part * part for part in halves(array, case, experiment)) for array in (answer.value, x))
    sizes = np.abs(answer.value) + answer.bound
    spread = sum(halves(2 * sizes * answer.bound + answer.bound**2, case, experiment))
    own = 2.0**-50 * wanted  # the squares and their sums, in float64
    return relation("squared length", got, wanted, spread + own, 4 * np.max(wanted, initial=0.0))


def draw_offset(recipe: Draw) -> Case:
    """Queries and keys, their positions, and an offset for both."""
    case = moderate(recipe)
    k = recipe.array("k", case.arguments[0].shape, "normal")
    offset = int(recipe.integers("offset", (), 1, 40))
    return case.but(extra={"k": k, "offset": offset})


@law("The product of a query and a key depends on the offset between them only.", draw=draw_offset)
def products_depend_on_the_offset_only(case: Case, experiment: Experiment) -> Evidence:
    """<f(q, p), f(k, p')> = <f(q, p + c), f(k, p' + c)>; the errors enter as sum(|q| B_k + |k| B_q + B_q B_k)."""
    (q, positions), k, c = case.arguments, case.extra["k"], case.extra["offset"]

    def product(moved: int) -> tuple[np.ndarray, np.ndarray]:
        one = experiment.ask(case.but(arguments=(q, positions + moved)))
        other = experiment.ask(case.but(arguments=(k, positions[::-1].copy() + moved)))
        return (one.value * other.value).sum(-1), spread(one, other)

    def spread(one: Answer, other: Answer) -> np.ndarray:
        sizes = np.abs(one.value) * other.bound + np.abs(other.value) * one.bound + one.bound * other.bound
        own = 2.0**-52 * one.value.shape[-1] * np.abs(one.value * other.value)  # the sum, in float64
        return np.asarray((sizes + own).sum(-1))

    (here, error), (there, other_error) = product(0), product(c)
    scale = np.max((np.abs(q.astype(np.float64)) * np.abs(k.astype(np.float64))).sum(-1), initial=0.0)
    return relation("product before the move", there, here, error + other_error, scale)


@law("Turning on is turning by the sum.", draw=moderate)
def rotations_add_up(case: Case, experiment: Experiment) -> Evidence:
    """f(f(x, p), p) = f(x, 2 p): the error of the first rotation is turned by the second, |cos| B + |sin| B <= B_a + B_b."""
    x, positions = case.arguments
    first = experiment.ask(case)
    again = experiment.ask(case.replacing(0, np.asarray(first.output(())).astype(x.dtype)))
    at_once = experiment.ask(case.replacing(1, 2 * positions))
    both = sum(halves(first.bound, case, experiment))
    if experiment.setting(case, "layout") == "halves":
        carried = np.concatenate([both, both], -1)
    else:
        carried = np.stack([both, both], -1).reshape(x.shape)
    allowed = carried + again.bound + at_once.bound
    return relation("rotation by the sum", again.value, at_once.value, allowed, at_once.scale)


INQUIRIES = ()
