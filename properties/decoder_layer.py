"""Laws of decoder_layer.

Most inputs isolate, as for encoder_layer: with w_o = b_o = 0, or w_2 = b_2 = 0, a sub-layer adds nothing, and one that works
carries the bound alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import feed_forward, multi_head_attention
from veriformer.properties.behind_mask import SENTENCE, behind, inquiry, what_stands_behind_a_mask_does_not_matter
from veriformer.properties.encoder_layer import dropout, norm, shape_of_mask
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.properties.softmax import within_two
from veriformer.spec import COMPONENTS

ADDS = {"self_attention": ("w_o", "b_o"), "cross_attention": ("w_o", "b_o"), "feed_forward": ("w_2", "b_2")}
"""Sub-layer -> the weights without which it adds nothing."""
IDLE = tuple(ADDS)
"""What is switched off where nothing works; and where one sub-layer works alone:"""
SELF = ("cross_attention", "feed_forward")
CROSS = ("self_attention", "feed_forward")
FEED = ("self_attention", "cross_attention")


def row(
    batch: tuple[int, ...], length: int, length_k: int, d_model: int, d_ff: int, n_heads: int, **more: Any
) -> dict[str, Any]:
    """Sizes of one case; length_k is that of the memory, `isolate` names the parts that are switched off."""
    sizes = {"batch": batch, "rank": len(batch) + 2, "length": length, "length_k": length_k, "d_model": d_model}
    return {**sizes, "d_ff": d_ff, "n_heads": n_heads, **more}


ROWS = (
    row((), 2, 3, 4, 3, 2, isolate=IDLE),
    row((), 3, 2, 4, 4, 2, isolate=SELF, norm="pre"),
    row((2,), 2, 3, 4, 3, 2, isolate=CROSS, norm="pre", memory_mask=True),
    row((2,), 3, 3, 4, 4, 2, isolate=(*CROSS, "norm_1"), memory_mask=True, biases=True),
    row((), 2, 2, 4, 4, 2, isolate=FEED, norm="pre", activation="gelu"),
    row((2,), 3, 2, 4, 4, 2, isolate=SELF, norm="pre", mask=True, biases=True),
    row((2,), 3, 2, 4, 6, 2, mask=True, memory_mask=True, eps=0.25, activation="gelu"),
    row((), 2, 3, 4, 4, 2, isolate=(*SELF, "norm_2"), activation="gelu"),
    row((2,), 2, 4, 6, 5, 3, norm="pre", biases=True, eps=0.25, memory_mask="each head"),
    row((2,), 4, 3, 4, 4, 2, isolate=SELF, mask="each query"),
    row((), 3, 2, 4, 4, 1, isolate=("self_attention", "norm_2"), eps=1e-3),
    row((1,), 5, 7, 8, 16, 4, isolate=CROSS, memory_mask=True),
    row((2,), 33, 31, 4, 3, 2, isolate=CROSS, norm="pre", memory_mask=True, reach="tile"),
)


def parameters(recipe: Draw, prefix: str = "", isolate: tuple[str, ...] = ()) -> dict[str, Any]:
    """All weights of one layer; isolated parts are switched off."""
    params: dict[str, Any] = {
        "self_attention": multi_head_attention.parameters(recipe, prefix + "self_attention."),
        "cross_attention": multi_head_attention.parameters(recipe, prefix + "cross_attention."),
        "feed_forward": feed_forward.parameters(recipe, prefix + "feed_forward."),
    }
    params = switched_off(params, isolate)
    norms = {name: norm(recipe, prefix + name, silent=name in isolate) for name in ("norm_1", "norm_2", "norm_3")}
    return {**params, **norms}


def switched_off(params: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """The weights of one layer, some sub-layers of which add nothing."""
    off = {(part, name) for part in parts for name in ADDS.get(part, ())}
    return {
        part: {name: np.zeros_like(leaf) if (part, name) in off else leaf for name, leaf in weights.items()}
        for part, weights in params.items()
    }


def paths_of(*parts: str) -> frozenset[Any]:
    """Where the weights of sub-layers stand that add nothing: the premise of some laws."""
    return frozenset((0, 2, part, name) for part in parts for name in ADDS[part])


def options(recipe: Draw) -> dict[str, Any]:
    """The keywords of one case; about half of the rows leave each to its default."""
    chosen: dict[str, Any] = {"n_heads": recipe["n_heads"]}
    for name, keys in (("mask", recipe["length"]), ("memory_mask", recipe["length_k"])):
        if recipe.get(name):
            shape = shape_of_mask(recipe, recipe[name], recipe["length"], keys)
            chosen[name] = recipe.mask(name, shape, causal=name == "mask")
    for name in ("norm", "activation", "eps"):
        if recipe.get(name) is not None:
            chosen[name] = recipe[name]
    return chosen


def sequences(recipe: Draw) -> tuple[np.ndarray, np.ndarray]:
    """What the layer continues, and what it consults."""
    return (
        recipe.array("x", (*recipe["batch"], recipe["length"], recipe["d_model"])),
        recipe.array("memory", (*recipe["batch"], recipe["length_k"], recipe["d_model"])),
    )


def draw(recipe: Draw) -> Case:
    """Two sequences of any kind, through weights that switch some parts off."""
    x, memory = sequences(recipe)
    chosen = {**options(recipe), **dropout(recipe, x.shape, *ADDS)}
    return Case((x, memory, parameters(recipe, isolate=recipe.get("isolate", ()))), chosen)


WITH_DROPOUT = (
    *ROWS[:2],
    row((2,), 3, 3, 4, 3, 2, isolate=SELF, norm="pre", rate=0.25),
    *ROWS[2:],
    row((2,), 3, 2, 4, 4, 2, isolate=FEED, mask=True, memory_mask=True, eps=0.25, activation="gelu", rate=0.5),
)
"""The menu of the universal laws; in all others nothing is dropped."""
SUBJECT = Subject(
    "decoder_layer",
    WITH_DROPOUT,
    draw,
    batched={"x": 2, "memory": 2, "mask": 3, "memory_mask": 3, "keep": 2},
    top=for_scores(0.1),
    stack=True,
    differentiable=True,
    alike=("x", "memory"),
    own_rows=ROWS,
)
law = SUBJECT.law
PRE = tuple(r for r in ROWS if r.get("norm") == "pre")
ATTENTIVE = tuple(r for r in ROWS if not {"self_attention", "cross_attention"} <= set(r.get("isolate", ())))
CONSULTING = tuple(r for r in ROWS if "cross_attention" not in r.get("isolate", ()))


def draw_idle(recipe: Draw) -> Case:
    """All three sub-layers add nothing."""
    idle = replace(recipe, row={**recipe.row, "isolate": IDLE})
    return draw(idle).but(fixed=paths_of(*IDLE))


@law("A pre-norm layer whose sub-layers add nothing is the identity.", rows=PRE, draw=draw_idle, needs=("norm",))
def idle_pre_norm_is_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """w_o = b_o = 0 in both attentions and w_2 = b_2 = 0: f(x, m) = x."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm layer")
    answer = experiment.ask(case)
    return relation("x itself", answer.value, case.arguments[0], answer.bound, answer.scale)


def draw_unconsulted(recipe: Draw) -> Case:
    """Whatever else is switched off, what is read in the memory adds nothing."""
    row = {**recipe.row, "isolate": (*recipe.get("isolate", ()), "cross_attention")}
    return draw(replace(recipe, row=row)).but(fixed=paths_of("cross_attention"))


@law(
    "A pre-norm layer that adds nothing from its memory is an encoder layer that sees the past alone.",
    rows=PRE,
    draw=draw_unconsulted,
    needs=("norm",),
)
def without_its_memory_it_is_a_causal_encoder_layer(case: Case, experiment: Experiment) -> Evidence:
    """w_o = b_o = 0 in the cross-attention: f(x, m) = encoder_layer(x, past), the spec's, with norm_3 for its norm_2."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm layer")
    x, _, params = case.arguments
    past = np.tri(x.shape[-2], dtype=bool)
    parts = {name: params[name] for name in ("self_attention", "feed_forward", "norm_1")}
    options = {name: value for name, value in case.options.items() if name != "memory_mask"}
    causal = Case((x, {**parts, "norm_2": params["norm_3"]}), {**options, "mask": past & options.get("mask", True)})
    answer, plain = experiment.ask(case), experiment.truth_of(COMPONENTS["encoder_layer"], causal)
    wanted = plain.ball.centres()
    return relation("the causal encoder layer", answer.value, wanted, answer.bound + plain.bound, answer.scale)


def draw_future(recipe: Draw) -> Case:
    """A case, a position from which on everything changes, and what comes then."""
    case = draw(recipe)
    position = int(recipe.integers("position", (), 1, max(recipe["length"], 2)))
    return case.but(extra={"position": position, "x": recipe.array("x'", case.arguments[0].shape, "normal")})


@law("The past does not depend on the future.", draw=draw_future)
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing x from position t on leaves the rows before t as they are."""
    x, t = case.arguments[0], case.extra["position"]
    late = np.arange(x.shape[-2])[:, None] >= t
    one, other = experiment.ask(case.replacing(0, np.where(late, case.extra["x"], x))), experiment.ask(case)
    allowed = (one.bound + other.bound)[..., :t, :]
    return relation(
        "rows before the change", one.value[..., :t, :], other.value[..., :t, :], allowed, other.scale[..., :t, :]
    )


def draw_order(recipe: Draw) -> Case:
    """A case and an order of the memory."""
    return draw(recipe).but(extra={"order": recipe.permutation("order", recipe["length_k"])})


@law("Permuting the memory with the columns of its mask changes nothing.", rows=CONSULTING, draw=draw_order)
def ignores_the_order_of_the_memory(case: Case, experiment: Experiment) -> Evidence:
    """f(x, P m, M P^T) = f(x, m, M): the memory is a set, its order is what its own positions say."""
    order, options = case.extra["order"], dict(case.options)
    if "memory_mask" in options:
        options["memory_mask"] = options["memory_mask"][..., order]
    moved = case.replacing(1, case.arguments[1][..., order, :]).but(options=options)
    return within_two(experiment.ask(moved), experiment.ask(case), "answer for the memory in order")


def draw_padded(recipe: Draw) -> Case:
    """Two examples; in each, another part of the memory and another position of x are hidden, and hold other numbers."""
    wide = replace(recipe, row={**recipe.row, "batch": (2,), "mask": False, "memory_mask": False})
    case = draw(wide)
    length, length_k = recipe["length"], recipe["length_k"]
    hidden = np.arange(length) == np.array([[length - 1], [1]])  # (2, L)
    padded = np.arange(length_k) >= np.array([[max(length_k - 1, 1)], [max(length_k - 2, 1)]])  # (2, L_memory)
    masks = {"mask": ~hidden[:, None, None, :], "memory_mask": ~padded[:, None, None, :]}
    other = {
        name: wide.array(f"other {name}", case.arguments[i].shape, "large") for i, name in enumerate(("x", "memory"))
    }
    return case.but(options={**case.options, **masks}, extra={**other, "hidden": hidden, "padded": padded})


@law(
    "What stands in the padding does not matter, with other padding in each example.",
    rows=ATTENTIVE,
    draw=draw_padded,
    needs=("mask", "memory_mask"),
)
def ignores_the_padding(case: Case, experiment: Experiment) -> Evidence:
    """Masked positions of x and of the memory hold other (finite) numbers: the answers at the other positions stay."""
    x, memory, params = case.arguments
    hidden, padded = case.extra["hidden"][..., None], case.extra["padded"][..., None]
    changed = (np.where(hidden, case.extra["x"], x), np.where(padded, case.extra["memory"], memory), params)
    one, plain = experiment.ask(case.but(arguments=changed)), experiment.ask(case)
    kept = ~case.extra["hidden"]
    return relation(
        "answer with other padding",
        one.value[kept],
        plain.value[kept],
        (one.bound + plain.bound)[kept],
        np.asarray(plain.scale)[kept],
    )


def behind_padding(case: Case, recipe: Draw | None = None) -> Case:
    """The hidden places of a padded case, to be filled with what is no number; the answers at those of x do not count."""
    hidden, padded = case.extra["hidden"][..., None], case.extra["padded"][..., None]
    return behind(case.but(extra={}), {"x": hidden, "memory": padded}, ~hidden, recipe)


behind_the_mask = law(
    SENTENCE,
    rows=ATTENTIVE,
    draw=lambda recipe: behind_padding(draw_padded(recipe), recipe),
    needs=("mask", "memory_mask"),
)(what_stands_behind_a_mask_does_not_matter)


def behind_case(dtype: str) -> Case:
    """Padded examples through a layer that attends to both, and no more."""
    sizes = row((), 3, 3, 4, 4, 2, isolate=("feed_forward",), eps=0.25)
    return behind_padding(draw_padded(Draw(sizes, "normal", 4, dtype, 8.0)))


INQUIRIES = (inquiry("decoder_layer", behind_case),)
