"""Laws of softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from veriformer.properties.behind_mask import behind, inquiry, law_behind_the_mask
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, not_above, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.settle import Inquiry


def row(shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    """Sizes of one case: n is the length of the last axis."""
    return {"shape": shape, "rank": len(shape), "n": shape[-1], **more}


ROWS = (
    row((3,)),
    row((1,)),
    row((2, 4), mask=True),
    row((2, 3), mask=True, empty_rows=True),
    row((2, 3, 5)),
    row((4, 8), mask=True),
    row((3, 2, 2, 7), mask=True, empty_rows=True),
    row((2, 33)),
    row((5, 1)),
    row((3, 64), mask=True),
    row((2, 300)),
    row((2, 31), reach="tile"),
    row((3, 65), mask=True, reach="tile"),
    row((2, 256), reach="tile"),
    row((2, 1024), mask=True, reach="long"),
    row((700, 2), reach="long"),
    row((1, 3001), reach="long"),
    row((1, 1025), reach="long"),
    row((4, 128), kernel=True),
    row((2, 1024), kernel=True),
)
LARGE = (row((BEYOND_16_BITS, 2)), row((1, BEYOND_16_BITS)))


def draw(recipe: Draw) -> Case:
    """Logits of any kind, with a mask in some sizes."""
    shape = recipe["shape"]
    options = {}
    if recipe.get("mask"):
        options["mask"] = recipe.mask("mask", shape, empty_rows=recipe.get("empty_rows", False))
    return Case((recipe.array("x", shape),), options)


SUBJECT = Subject(
    "softmax", ROWS, draw, batched={"x": 1, "mask": 1}, top=power(0.999), differentiable=True, large=LARGE,
)  # fmt: skip
law = SUBJECT.law


def allowed_entries(case: Case) -> np.ndarray:
    """The mask, everything allowed where there is none."""
    mask = case.options.get("mask")
    return np.ones(case.arguments[0].shape, bool) if mask is None else np.broadcast_to(mask, case.arguments[0].shape)


@law("Every row sums to one.")
def rows_sum_to_one(case: Case, experiment: Experiment) -> Evidence:
    """|sum f - 1| <= sum of the bounds, the sum exact; rows with an allowed entry."""
    answer = experiment.ask(case)
    alive = allowed_entries(case).any(-1)
    sums = exact_sums(answer.value)
    bound = np.where(alive, answer.bound.sum(-1), np.inf)
    return relation("sums of the rows", np.where(alive, sums, 1.0), np.ones(sums.shape), bound, 1.0)


def exact_sums(values: np.ndarray) -> np.ndarray:
    """Sums over the last axis, rounded once; nan where a term is not finite."""
    flat = values.reshape(-1, values.shape[-1])
    sums = [math.fsum(row) if np.isfinite(row).all() else np.nan for row in flat]
    return np.asarray(sums, dtype=np.float64).reshape(values.shape[:-1])


def draw_beneath(recipe: Draw) -> Case:
    """Masked logits; in every second draw whole rows lie beneath any constant that stands in for minus infinity."""
    case = draw(recipe)
    if recipe.seed % 2:
        return case
    return case.replacing(0, -np.abs(recipe.array("x", case.arguments[0].shape, "far_offset")))


@law(
    "A masked entry has weight 0, exactly.",
    rows=tuple(row for row in ROWS if "mask" in row),
    draw=draw_beneath,
    needs=("mask",),
)
def masked_weights_are_zero(case: Case, experiment: Experiment) -> Evidence:
    """f_i = 0 where entry i is masked and its row keeps another."""
    mask = allowed_entries(case)
    masked = ~mask & mask.any(-1, keepdims=True)
    if not masked.any():
        raise NotJudged("nothing is masked")
    weights = experiment.ask(case).value[masked]
    return differing("weights of masked entries", weights, np.zeros(weights.shape))


def draw_shift(recipe: Draw) -> Case:
    """Logits and a shift for each row, all on one grid, so that x + c is exact."""
    shape = recipe["shape"]
    case = draw(recipe).replacing(0, recipe.grid("x", shape))
    return case.but(extra={"shift": recipe.grid("shift", (*shape[:-1], 1), steps=16384)})


@law("Adding one number to all logits of a row changes nothing.", draw=draw_shift, kinds=("normal", "large", "offset"))
def ignores_a_shift(case: Case, experiment: Experiment) -> Evidence:
    """f(x + c) = f(x), where x + c is exact."""
    (x,), shift = case.arguments, case.extra["shift"]
    moved = x + shift
    if (moved.astype(np.float64) != x.astype(np.float64) + shift.astype(np.float64)).any():
        raise NotJudged("x + c is not exact")
    return within_two(experiment.ask(case.replacing(0, moved)), experiment.ask(case), "softmax of the unshifted row")


def draw_permutation(recipe: Draw) -> Case:
    """Logits and a permutation of the last axis."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["shape"][-1])})


@law("Permuting the logits permutes the weights.", draw=draw_permutation)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(x P) = f(x) P, the mask permuted along."""
    order = case.extra["order"]
    options = {name: np.broadcast_to(mask, case.arguments[0].shape)[..., order] for name, mask in case.options.items()}
    moved = experiment.ask(case.but(arguments=(case.arguments[0][..., order],), options=options))
    still = experiment.ask(case)
    allowed = moved.bound + still.bound[..., order]
    return relation("permuted weights", moved.value, still.value[..., order], allowed, 1.0)


@law("A larger logit never has a smaller weight.")
def keeps_the_order(case: Case, experiment: Experiment) -> Evidence:
    """x_i <= x_j gives f_i <= f_j + B_i + B_j; it is enough to look at neighbours in sorted order."""
    answer = experiment.ask(case)
    x = np.where(allowed_entries(case), case.arguments[0].astype(np.float64), -np.inf)
    order = np.argsort(x, axis=-1, kind="stable")
    f, bound = (np.take_along_axis(a, order, -1) for a in (answer.value, answer.bound))
    alive = np.isfinite(np.take_along_axis(x, order, -1))[..., :-1]
    below, above = np.where(alive, f[..., :-1], 0.0), np.where(alive, f[..., 1:], 0.0)
    return not_above("weight of the smaller logit", below, above, bound[..., :-1] + bound[..., 1:], 1.0)


def within_two(one: Answer, other: Answer, comparison: str) -> Evidence:
    """Two answers that must be equal, within the two bounds."""
    return relation(comparison, one.value, other.value, one.bound + other.bound, np.maximum(one.scale, other.scale))


def draw_behind(recipe: Draw) -> Case:
    """Masked logits that are no numbers."""
    case = draw(recipe)
    return behind(case, {"x": ~allowed_entries(case)}, recipe=recipe)


behind_the_mask = law_behind_the_mask(
    SUBJECT, draw_behind, tuple(row for row in ROWS if row.get("mask") and not row.get("empty_rows"))
)


def behind_case(dtype: str) -> Case:
    """One row with a masked logit, beside one without."""
    x = np.array([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]).astype(dtype)
    mask = np.array([[True, False, True], [True, True, True]])
    return behind(Case((x,), {"mask": mask}), {"x": ~mask})


def fully_masked_cases(dtype: str) -> tuple[Case, ...]:
    """One row masked entirely, beside one that is not."""
    x = np.array([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]).astype(dtype)
    mask = np.array([[True, False, True], [False, False, False]])
    return (Case((x,), {"mask": mask}),)


INQUIRIES = (
    Inquiry("softmax", "fully_masked", fully_masked_cases, lambda row: bool(row.get("empty_rows"))),
    inquiry("softmax", behind_case),
)
