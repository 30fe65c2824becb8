"""Laws of rotary_attention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties.behind_mask import behind, inquiry, law_behind_the_mask
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, for_scores, ranked
from veriformer.properties.settle import Inquiry
from veriformer.properties.softmax import within_two
from veriformer.spec import COMPONENTS

NEAR = 12
"""Positions lie below this where a row says no more."""
ROWS = ranked(
    {"batch": (), "length": 2, "d_k": 2},
    {"batch": (2,), "length": 3, "d_k": 4, "layout": "halves", "causal": True},
    {"batch": (2, 2), "length": 3, "length_k": 5, "d_k": 4, "mask": True, "base": 100.0},
    {"batch": (1, 2), "length": 1, "length_k": 4, "d_k": 8, "layout": "halves", "far": 600},
    {"batch": (2, 4), "heads_k": 2, "length": 4, "d_k": 6, "layout": "interleaved"},
    {"batch": (2, 1), "length": 3, "length_k": 3, "d_k": 4, "elsewhere": True},
    {"batch": (1, 2), "length": 9, "d_k": 16, "causal": True, "far": 4096},
    {"batch": (2,), "length": 2, "length_k": 4, "d_k": 4, "causal": True},
    {"batch": (2, 2), "length": 3, "d_k": 4, "mask": True, "empty_rows": True},
    {
        "batch": (2, 4),
        "heads_k": 2,
        "length": 4,
        "d_k": 8,
        "layout": "halves",
        "base": 100.0,
        "causal": True,
        "mask": True,
    },
    {"batch": (1, 2), "length": 64, "d_k": 64, "causal": True, "kernel": True},
)
LARGE = ranked(
    {"batch": (BEYOND_16_BITS // 2 + 1, 2), "length": 1, "length_k": 2, "d_k": 4},
    {"batch": (1, 1), "length": 3, "length_k": 2100, "d_k": 8},
)


def draw(recipe: Draw) -> Case:
    """Queries, keys and values of any kind, at positions in some order; masks that differ from example to example.

    An angle is off by its position's share, and a score by that of |q| |k|: the farther, the smaller they are drawn."""
    recipe = replace(recipe, top=recipe.top / np.sqrt(recipe.get("far", NEAR)))
    batch, length = recipe["batch"], recipe["length"]
    length_k = recipe.get("length_k", length)
    batch_k = (*batch[:-1], recipe["heads_k"]) if recipe.get("heads_k") else batch
    q = recipe.array("q", (*batch, length, recipe["d_k"]))
    k, v = (recipe.array(name, (*batch_k, length_k, recipe["d_k"])) for name in ("k", "v"))
    positions_k = recipe.integers("positions", (length_k,), 0, recipe.get("far", NEAR))
    if recipe.seed % 2:
        positions_k = np.arange(length_k) + int(recipe.integers("start", (), 0, recipe.get("far", NEAR)))
    options = {name: recipe[name] for name in ("layout", "base", "causal") if recipe.get(name)}
    positions = positions_k[length_k - length :].copy()  # the last ones ask, as in a step of generation
    if recipe.get("elsewhere"):
        positions = recipe.integers("elsewhere", (length,), 0, NEAR)
    if "length_k" in recipe.row:
        options["positions_k"] = positions_k
    if recipe.get("mask"):
        empty, causal = bool(recipe.get("empty_rows")), bool(recipe.get("causal"))
        options["mask"] = recipe.mask("mask", (*batch[:-1], 1, length, length_k), empty_rows=empty, causal=causal)
    extension = "grouped heads" if recipe.get("heads_k") else ""
    if recipe.get("causal") and length != length_k:
        extension = "causal with L_q != L_k"
    return Case((q, k, v, positions), options, extension=extension)


SUBJECT = Subject(
    "rotary_attention",
    ROWS,
    draw,
    batched={"q": 2, "k": 2, "v": 2, "mask": 2},
    top=for_scores(0.5),
    differentiable=True,
    alike=("q", "k", "v"),
    large=LARGE,
)
law = SUBJECT.law
SELF = tuple(row for row in ROWS if not {"length_k", "causal", "kernel", "empty_rows"} & set(row))


def draw_move(recipe: Draw) -> Case:
    """A case, and how far everything is moved."""
    return draw(recipe).but(extra={"by": int(recipe.integers("by", (), 1, 40))})


@law("Moving all positions together changes nothing.", draw=draw_move)
def depends_on_distances_only(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k, v; p + c, p' + c) = f(q, k, v; p, p'): <R_(p + c) q, R_(p' + c) k> = <R_(p - p') q, k>."""
    q, k, v, positions = case.arguments
    options = dict(case.options)
    if "positions_k" in options:
        options["positions_k"] = options["positions_k"] + case.extra["by"]
    moved = experiment.ask(case.but(arguments=(q, k, v, positions + case.extra["by"]), options=options))
    return within_two(moved, experiment.ask(case), "answer before the move")


@law("With everything at one position it is attention.")
def at_one_position_it_is_attention(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k, v; p, p, ...) = attention(q, k, v)."""
    q, k, v, positions = case.arguments
    options = {name: value for name, value in case.options.items() if name != "positions_k"}
    if "positions_k" in case.options:
        options["positions_k"] = np.full_like(case.options["positions_k"], positions[0])
    answer = experiment.ask(case.but(arguments=(q, k, v, np.full_like(positions, positions[0])), options=options))
    plain = Case((q, k, v), {name: options[name] for name in ("mask", "causal") if name in options})
    wanted = experiment.truth_of(COMPONENTS["attention"], plain)
    return relation("attention", answer.value, wanted.value, answer.bound + wanted.bound, answer.scale)


def draw_order(recipe: Draw) -> Case:
    """A case, and an order of its rows."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["length"])})


@law("Tokens that take their positions along may stand in any order.", rows=SELF, draw=draw_order)
def is_permutation_equivariant_with_its_positions(case: Case, experiment: Experiment) -> Evidence:
    """f(P q, P k, P v; P p) = P f(q, k, v; p)."""
    order = case.extra["order"]
    q, k, v, positions = case.arguments
    together = (*(x[..., order, :] for x in (q, k, v)), positions[order])
    moved, still = experiment.ask(case.but(arguments=together)), experiment.ask(case)
    allowed = moved.bound + still.bound[..., order, :]
    return relation(
        "answers in that order", moved.value, still.value[..., order, :], allowed, still.scale[..., order, :]
    )


def draw_features(recipe: Draw) -> Case:
    """A case, and an order of the features of its values."""
    return draw(recipe).but(extra={"order": recipe.permutation("features", recipe["d_k"])})


@law("Values are not turned: their features may stand in any order.", draw=draw_features)
def values_are_not_turned(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k, v P) = f(q, k, v) P for a permutation P of the features, which no rotation of pairs commutes with."""
    order = case.extra["order"]
    q, k, v, positions = case.arguments
    moved = experiment.ask(case.but(arguments=(q, k, v[..., order], positions)))
    still = experiment.ask(case)
    allowed = moved.bound + still.bound[..., order]
    return relation("features in that order", moved.value, still.value[..., order], allowed, still.scale[..., order])


def draw_future(recipe: Draw) -> Case:
    """A causal case, and other tokens for the end of it."""
    case = draw(recipe)
    if recipe["length"] < 2:
        raise NotJudged("one position has no future")
    later = {
        name: recipe.array(f"{name}'", a.shape, "normal") for name, a in zip("qkv", case.arguments[:3], strict=True)
    }
    return case.but(extra={"position": int(recipe.integers("position", (), 1, recipe["length"])), **later})


@law(
    "With causal=True the past does not depend on the future.",
    rows=tuple(row for row in ROWS if row.get("causal") and not {"kernel", "length_k"} & set(row)),
    draw=draw_future,
    needs=("causal",),
)
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing q, k, v from row t on leaves the rows before t as they are."""
    t = case.extra["position"]
    late = np.arange(case.arguments[0].shape[-2])[:, None] >= t
    changed = [np.where(late, case.extra[name], a) for name, a in zip("qkv", case.arguments[:3], strict=True)]
    one, other = experiment.ask(case.but(arguments=(*changed, case.arguments[3]))), experiment.ask(case)
    allowed = (one.bound + other.bound)[..., :t, :]
    return relation(
        "rows before the change", one.value[..., :t, :], other.value[..., :t, :], allowed, one.scale[..., :t, :]
    )


def draw_behind(recipe: Draw) -> Case:
    """Keys that no query sees; they, and their values, are no numbers."""
    case = draw(recipe)
    k = case.arguments[1]
    seen = recipe.mask("padding", (*recipe["batch"][:-1], 1, 1, k.shape[-2]))
    seen[..., -1] &= seen.sum(-1) == 1
    hidden = ~np.swapaxes(np.broadcast_to(seen, (*recipe["batch"], 1, k.shape[-2])), -1, -2)
    return behind(case.but(options={**case.options, "mask": seen}), {"k": hidden, "v": hidden}, recipe=recipe)


behind_the_mask = law_behind_the_mask(
    SUBJECT, draw_behind, tuple(row for row in SELF if row["batch"] and "heads_k" not in row) + ROWS[3:4]
)


def few(dtype: str) -> tuple[np.ndarray, ...]:
    """Two queries and three keys, with their values."""
    q = np.array([[1.0, 0.0], [0.0, 2.0]]).astype(dtype)
    k = np.array([[1.0, 1.0], [0.0, -1.0], [2.0, 0.5]]).astype(dtype)
    v = np.array([[1.0, 0.0], [5.0, 1.0], [-2.0, 3.0]]).astype(dtype)
    return q[None, None], k[None, None], v[None, None], np.array([1, 2])


def few_options(mask: np.ndarray) -> dict[str, Any]:
    """The mask, and where the three keys are."""
    return {"mask": mask[None, None], "positions_k": np.array([0, 1, 2])}


def behind_case(dtype: str) -> Case:
    """Two queries, and a key that neither sees."""
    mask = np.array([[True, False, True], [True, False, False]])
    unseen = np.array([[False], [True], [False]])
    return behind(Case(few(dtype), few_options(mask)), {"k": unseen, "v": unseen})


def fully_masked_cases(dtype: str) -> tuple[Case, ...]:
    """Two queries, of which the second sees nothing."""
    return (Case(few(dtype), few_options(np.array([[True, False, True], [False, False, False]]))),)


def alignment_cases(dtype: str) -> tuple[Case, ...]:
    """Fewer queries than keys: every row sees a key under either alignment, but not the same ones."""
    options = {"causal": True, "positions_k": np.array([0, 1, 2])}
    return (Case(few(dtype), options, extension="causal with L_q != L_k"),)


INQUIRIES = (
    inquiry("rotary_attention", behind_case),
    Inquiry("rotary_attention", "fully_masked", fully_masked_cases, lambda r: bool(r.get("empty_rows"))),
    Inquiry(
        "rotary_attention",
        "causal_alignment",
        alignment_cases,
        lambda r: bool(r.get("causal")) and r.get("length_k", r["length"]) != r["length"],
    ),
)
