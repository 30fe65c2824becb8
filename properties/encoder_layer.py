"""Laws of encoder_layer.

A worst-case bound through attention, feed-forward and two norms is wide, in float32 at once. So most inputs isolate: with
w_o = b_o = 0, or w_2 = b_2 = 0, a sub-layer adds nothing, and with gamma = 0 a norm answers beta, whatever comes in.
What remains carries the bound alone, and the bound says so by itself: nothing times its error is nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import feed_forward, multi_head_attention
from veriformer.properties.attention import rate_of
from veriformer.properties.behind_mask import behind, inquiry, law_behind_the_mask
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, as_float64, differing, relation
from veriformer.properties.multi_head_attention import permuted
from veriformer.properties.probes import Draw, for_scores
from veriformer.properties.seeds import seed_of
from veriformer.properties.softmax import within_two


def row(batch: tuple[int, ...], length: int, d_model: int, d_ff: int, n_heads: int, **more: Any) -> dict[str, Any]:
    """Sizes of one case; `isolate` names the parts that are switched off."""
    sizes = {"batch": batch, "rank": len(batch) + 2, "length": length, "d_model": d_model, "d_ff": d_ff}
    return {**sizes, "n_heads": n_heads, **more}


ROWS = (
    row((), 2, 4, 3, 2, isolate=("attention", "feed_forward")),
    row((), 2, 4, 4, 2, isolate=("attention",), norm="pre"),
    row((2,), 3, 4, 8, 2, isolate=("feed_forward",), mask=True, norm="pre"),
    row((), 3, 4, 4, 2, isolate=("norm_1",), activation="gelu"),
    row((2,), 3, 4, 4, 2, isolate=("feed_forward",), mask=True, biases=True),
    row((2,), 3, 4, 6, 2, mask=True, norm="post", eps=0.25, activation="gelu"),
    row((), 2, 4, 4, 2, isolate=("attention", "feed_forward"), norm="pre", activation="gelu"),
    row((2,), 4, 6, 5, 3, norm="pre", activation="relu", biases=True, eps=0.25),
    row((), 5, 4, 4, 1, isolate=("attention",), eps=1e-3),
    row((2,), 3, 4, 6, 2, isolate=("feed_forward",), mask="each query"),
    row((2, 3), 2, 4, 3, 2, isolate=("feed_forward",), mask="each head"),
    row((1,), 9, 8, 16, 4, mask=True),
    row((2,), 33, 4, 4, 2, isolate=("feed_forward",), norm="pre", mask=True, reach="tile"),
)


WITH_DROPOUT = (
    *ROWS[:2],
    row((2,), 2, 4, 3, 2, isolate=("feed_forward",), norm="pre", rate=0.25),
    *ROWS[2:],
    row((2,), 3, 4, 4, 2, isolate=("attention",), mask=True, eps=0.25, activation="gelu", rate=0.5),
)
"""The menu of the universal laws; in all others nothing is dropped."""


ADDS = ("self_attention", "feed_forward")
"""The sub-layers whose answers are added, and may be dropped before."""


def dropout(recipe: Draw, shape: tuple[int, ...], *names: str) -> dict[str, Any]:
    """The keywords of a dropout with given masks, where the row has a rate; about half is dropped."""
    if not recipe.get("rate"):
        return {}
    masks = {name: np.asarray(recipe.rng(f"keep {name}").random(shape) < 0.5) for name in names}
    return {"keep": masks, **rate_of(recipe)}


def dropout_of_layers(recipe: Draw, shape: tuple[int, ...], *names: str) -> dict[str, Any]:
    """The same for a stack: each of its layers has masks of its own."""
    if not recipe.get("rate"):
        return {}
    each = [replace(recipe, seed=seed_of(recipe.seed, "dropout", i)) for i in range(len(recipe["layers"]))]
    return {"keep": {"layers": [dropout(one, shape, *names)["keep"] for one in each]}, **rate_of(recipe)}


def parameters(recipe: Draw, prefix: str = "", isolate: tuple[str, ...] = ()) -> dict[str, Any]:
    """All weights of one layer; isolated parts are switched off."""
    attention = multi_head_attention.parameters(recipe, prefix + "attention.")
    feed = feed_forward.parameters(recipe, prefix + "feed_forward.")
    off = {"attention": (attention, ("w_o", "b_o")), "feed_forward": (feed, ("w_2", "b_2"))}
    for part in isolate:
        params, names = off.get(part, ({}, ()))
        for name in set(names) & set(params):
            params[name] = np.zeros_like(params[name])
    norms = {name: norm(recipe, prefix + name, silent=name in isolate) for name in ("norm_1", "norm_2")}
    return {"self_attention": attention, "feed_forward": feed, **norms}


def norm(recipe: Draw, prefix: str, silent: bool = False) -> dict[str, np.ndarray]:
    """Gain and shift of a norm; a silent one answers its shift."""
    gamma = recipe.vector(f"{prefix}.gamma", recipe["d_model"], around=1.0)
    return {
        "gamma": np.zeros_like(gamma) if silent else gamma,
        "beta": recipe.vector(f"{prefix}.beta", recipe["d_model"]),
    }


def shape_of_mask(recipe: Draw, wanted: Any, length: int, length_k: int) -> tuple[int, ...]:
    """Padding: other keys are hidden in each example; and now and then from each query, or each query of each head."""
    heads = recipe["n_heads"] if wanted == "each head" else 1
    return (*recipe["batch"], heads, length if wanted in ("each query", "each head") else 1, length_k)


def options(recipe: Draw, *, causal: bool = False) -> dict[str, Any]:
    """The keywords of one case; about half of the rows leave each to its default. causal: is the layer so by itself?"""
    chosen: dict[str, Any] = {"n_heads": recipe["n_heads"]}
    if recipe.get("mask"):
        shape = shape_of_mask(recipe, recipe["mask"], recipe["length"], recipe["length"])
        chosen["mask"] = recipe.mask("mask", shape, causal=causal)
    for name in ("norm", "activation", "eps"):
        if recipe.get(name) is not None:
            chosen[name] = recipe[name]
    return chosen


def draw(recipe: Draw) -> Case:
    """A sequence of any kind, through weights that switch some parts off."""
    x = recipe.array("x", (*recipe["batch"], recipe["length"], recipe["d_model"]))
    chosen = {**options(recipe), **dropout(recipe, x.shape, *ADDS)}
    params = parameters(recipe, isolate=recipe.get("isolate", ()))
    return Case((x, params), chosen, extension=multi_head_attention.beyond(recipe["batch"]))


SUBJECT = Subject(
    "encoder_layer",
    WITH_DROPOUT,
    draw,
    batched={"x": 2, "mask": 3, "keep": 2},
    top=for_scores(0.1),
    stack=True,
    differentiable=True,
    own_rows=ROWS,
)
law = SUBJECT.law


IDLE_PATHS = frozenset(
    {
        (0, 1, part, name)
        for part, names in (("self_attention", ("w_o", "b_o")), ("feed_forward", ("w_2", "b_2")))
        for name in names
    }
)
"""The weights that are 0 in an idle layer."""


def draw_idle(recipe: Draw) -> Case:
    """Both sub-layers add nothing."""
    idle = replace(recipe, row={**recipe.row, "isolate": ("attention", "feed_forward")})
    return draw(idle).but(fixed=IDLE_PATHS)


PRE = tuple(r for r in ROWS if r.get("norm") == "pre")
POST = tuple(r for r in ROWS if r.get("norm", "post") == "post")


@law("A pre-norm layer whose sub-layers add nothing is the identity.", rows=PRE, draw=draw_idle, needs=("norm",))
def idle_pre_norm_is_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """w_o = b_o = 0 and w_2 = b_2 = 0: f(x) = x."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm layer")
    answer = experiment.ask(case)
    return relation("x itself", answer.value, case.arguments[0], answer.bound, answer.scale)


def draw_idle_plain(recipe: Draw) -> Case:
    """Both sub-layers add nothing, and norm_1 has gamma = 1 and beta = 0."""
    case = draw_idle(recipe)
    x, params = case.arguments
    d = x.shape[-1]
    plain = {"gamma": np.ones(d).astype(x.dtype), "beta": np.zeros(d).astype(x.dtype)}
    norms = {"norm_1": plain, "norm_2": {name: value.copy() for name, value in plain.items()}}
    premise = frozenset({(0, 1, "norm_1"), (0, 1, "norm_2"), *IDLE_PATHS})
    return case.but(arguments=(x, {**params, **norms}), fixed=premise)


@law("A post-norm layer whose sub-layers add nothing has rows of mean 0.", rows=POST, draw=draw_idle_plain)
def idle_post_norm_still_normalises(case: Case, experiment: Experiment) -> Evidence:
    """f(x) = norm_2(norm_1(x)), which is not x: with gamma = 1, beta = 0 its rows sum to 0."""
    if experiment.setting(case, "norm") != "post":
        raise NotJudged("not a post-norm layer")
    answer = experiment.ask(case)
    sums = answer.value.sum(-1)
    own = 2.0**-50 * np.abs(answer.value).sum(-1)  # the sum itself, in float64
    return relation(
        "sums of the rows", sums, np.zeros(sums.shape), answer.bound.sum(-1) + own, float(answer.value.shape[-1])
    )


def with_cotangent_of(draw_case: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
    """The same cases, each with a cotangent."""
    return lambda recipe: with_cotangent(draw_case(recipe), recipe, "encoder_layer", "normal")


@law(
    "The Jacobian of a pre-norm layer whose sub-layers add nothing is the identity.",
    rows=PRE,
    draw=with_cotangent_of(draw_idle),
    needs=("norm",),
    gradients=True,
)
def idle_pre_norm_passes_the_cotangent(case: Case, experiment: Experiment) -> Evidence:
    """w_o = b_o = 0 and w_2 = b_2 = 0: the cotangent comes back to x unchanged."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm layer")
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    got, truth = answer.gradient((0,)), dict(answer.gradient_truths)[(0,)]
    if got is None:
        return differing("gradient of x", "none: no derivative reached it", "an array")
    return relation("gradient of x", got, case.extra["cotangent"], truth.bound, truth.scale)


@law(
    "The Jacobian of a post-norm layer whose sub-layers add nothing sends the constant row to zero.",
    rows=POST,
    draw=with_cotangent_of(draw_idle_plain),
    gradients=True,
)
def idle_post_norm_ignores_a_shift_of_its_rows(case: Case, experiment: Experiment) -> Evidence:
    """f(x + c) = f(x), so J 1 = 0: the gradient of x, cotangent^T J, sums to 0 over each row."""
    if experiment.setting(case, "norm") != "post":
        raise NotJudged("not a post-norm layer")
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    got, truth = answer.gradient((0,)), dict(answer.gradient_truths)[(0,)]
    if got is None:
        return differing("gradient of x", "none: no derivative reached it", "an array")
    gradient = as_float64(got)
    sums = gradient.sum(-1)
    own = 2.0**-50 * np.abs(gradient).sum(-1)  # the sum itself, in float64
    scale = np.max(np.asarray(truth.scale)) * gradient.shape[-1]
    return relation("sums of the rows", sums, np.zeros(sums.shape), truth.bound.sum(-1) + own, scale)


@law(
    "Permuting the positions permutes the rows of the answer.",
    draw=lambda recipe: draw(recipe).but(extra={"order": recipe.permutation("order", recipe["length"])}),
)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(P x, M P^T) = P f(x, M): without positions a layer knows no order."""
    return permuted(case, experiment)


def draw_padded(recipe: Draw) -> Case:
    """At least two examples of different lengths, padded, and other padding."""
    wide = replace(recipe, row={**recipe.row, "batch": (2,), "mask": False})
    case = draw(wide)
    length = recipe["length"]
    kept = np.array([max(length - 1, 1), max(length - 2, 1)])
    mask = (np.arange(length) < kept[:, None])[:, None, None, :]
    other = wide.array("other padding", case.arguments[0].shape, "large")
    return case.but(options={**case.options, "mask": mask}, extra={"padding": other, "kept": kept})


@law(
    "What stands in the padding does not matter, with other padding in each example.", draw=draw_padded, needs=("mask",)
)
def ignores_the_padding(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Masked positions hold other (finite) numbers: the answers at the positions kept are the same."""
    x = case.arguments[0]
    kept = case.extra["kept"]
    inside = np.arange(x.shape[-2])[None, :, None] < kept[:, None, None]
    padded = experiment.ask(case.replacing(0, np.where(inside, x, case.extra["padding"])))
    plain = experiment.ask(case)
    return tuple(
        relation(
            f"example {b} with other padding",
            padded.value[b, : kept[b]],
            plain.value[b, : kept[b]],
            (padded.bound + plain.bound)[b, : kept[b]],
            np.asarray(plain.scale)[b, : kept[b]],
        )
        for b in range(len(kept))
    )


@law(
    "Permuting the hidden units of the feed-forward changes nothing.",
    draw=lambda r: draw(r).but(extra={"order": r.permutation("hidden", r["d_ff"])}),
)
def ignores_the_order_of_hidden_units(case: Case, experiment: Experiment) -> Evidence:
    """Columns of w_1, entries of b_1 and rows of w_2 move together."""
    order = case.extra["order"]
    x, params = case.arguments
    p = params["feed_forward"]
    moved = {"w_1": p["w_1"][:, order], "b_1": p["b_1"][order], "w_2": p["w_2"][order], "b_2": p["b_2"]}
    permuted_units = experiment.ask(case.but(arguments=(x, {**params, "feed_forward": moved})))
    return within_two(permuted_units, experiment.ask(case), "answer for the units in order")


def behind_padding(case: Case, recipe: Draw | None = None) -> Case:
    """The padding of a padded case, to be filled with what is no number; the answers there do not count."""
    inside = np.arange(case.arguments[0].shape[-2])[:, None] < case.extra["kept"][:, None, None]
    return behind(case.but(extra={}), {"x": ~inside}, inside, recipe)


behind_the_mask = law_behind_the_mask(SUBJECT, lambda recipe: behind_padding(draw_padded(recipe), recipe), ROWS)


def behind_case(dtype: str) -> Case:
    """Padded examples through a layer whose feed-forward adds nothing."""
    return behind_padding(draw_padded(Draw(row((), 3, 4, 4, 2, isolate=("feed_forward",)), "normal", 4, dtype, 8.0)))


INQUIRIES = (inquiry("encoder_layer", behind_case),)
