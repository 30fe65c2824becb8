"""Laws of encoder.

Most inputs isolate, as for encoder_layer: idle pre-norm layers are the identity, so one working layer among them carries
the bound alone, wherever it stands in the stack.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.tree import rebuild
from veriformer.properties import encoder_layer
from veriformer.properties.behind_mask import inquiry, law_behind_the_mask
from veriformer.properties.encoder_layer import ADDS, behind_padding, dropout_of_layers, norm, options, row
from veriformer.properties.encoder_layer import draw_padded as padded_layer
from veriformer.properties.encoder_layer import ignores_the_padding as layer_ignores_the_padding
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import NOT_SEPARATED, Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.multi_head_attention import permuted
from veriformer.properties.probes import Draw, for_scores
from veriformer.spec import COMPONENTS

IDLE = ("attention", "feed_forward")

ROWS = (
    row((), 2, 4, 3, 2, layers=(IDLE,)),
    row((), 2, 4, 3, 2, layers=(IDLE, ("attention",)), norm="pre"),
    row((2,), 3, 4, 4, 2, layers=(("feed_forward",), IDLE), norm="pre", mask=True, final_norm=True),
    row((), 3, 4, 4, 2, layers=((*IDLE, "norm_2"), ("attention",)), activation="gelu"),
    row((), 2, 4, 4, 2, layers=(), final_norm=True, norm="pre"),
    row((), 3, 4, 3, 2, layers=(IDLE,), final_norm=True),
    row((2,), 3, 4, 4, 2, layers=(("feed_forward",),), mask="each query"),
    row((2,), 3, 4, 4, 2, layers=((), ()), mask=True, eps=0.25, activation="gelu"),
    row((2,), 3, 4, 4, 2, layers=(IDLE, ("feed_forward",)), norm="pre", mask=True),
    row((), 2, 4, 4, 2, layers=(IDLE, ("attention",), IDLE, ("feed_forward",)), norm="pre", activation="gelu"),
    row((2,), 2, 6, 5, 3, layers=((), ()), norm="pre", final_norm=True, biases=True, eps=0.25),
    row((2,), 33, 4, 3, 2, layers=(("feed_forward",),), norm="pre", mask=True, reach="tile"),
)


def draw(recipe: Draw) -> Case:
    """A sequence of any kind through a few layers, most of them idle."""
    x = recipe.array("x", (*recipe["batch"], recipe["length"], recipe["d_model"]))
    layers = [encoder_layer.parameters(recipe, f"layer {i}.", isolate) for i, isolate in enumerate(recipe["layers"])]
    params: dict[str, Any] = {"layers": layers}
    if recipe.get("final_norm"):
        params["final_norm"] = norm(recipe, "final_norm")
    return Case((x, params), {**options(recipe), **dropout_of_layers(recipe, x.shape, *ADDS)})


DROPPED = row((2,), 2, 4, 3, 2, layers=(("feed_forward",), IDLE), norm="pre", rate=0.25)
WITH_DROPOUT = (
    *ROWS[:2],
    DROPPED,
    *ROWS[2:],
    row((2,), 3, 4, 4, 2, layers=(IDLE, ("attention",)), mask=True, eps=0.25, activation="gelu", rate=0.5),
)
"""The menu of the universal laws; in all others nothing is dropped."""
SUBJECT = Subject(
    "encoder",
    WITH_DROPOUT,
    draw,
    batched={"x": 2, "mask": 3, "keep": 2},
    top=for_scores(0.1),
    stack=True,
    differentiable=True,
    own_rows=ROWS,
)
law = SUBJECT.law


@law(
    "A pre-norm encoder of idle layers is the identity.",
    rows=tuple(r for r in ROWS if r.get("norm") == "pre"),
    needs=("norm",),
)
def idle_layers_are_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """All w_o, b_o, w_2, b_2 = 0 and no final norm: f(x) = x."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm encoder")
    x, params = case.arguments

    def idle(path: Any, leaf: Any) -> Any:
        return np.zeros_like(leaf) if path[-1] in ("w_o", "b_o", "w_2", "b_2") else leaf

    answer = experiment.ask(case.but(arguments=(x, {"layers": rebuild(params["layers"], idle)})))
    return relation("x itself", answer.value, x, answer.bound, answer.scale)


@law(
    "Each layer continues from what the layers before it answered.",
    rows=tuple(r for r in ROWS if len(r["layers"]) > 1 or r.get("final_norm")),
)
def each_layer_continues_from_its_prefix(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Each layer by itself at the implementation's own answer of those before it, h = f(layers[:-1])(x):

    f([last])(h) is the formula's, on inputs as they occur inside the stack; and f(layers)(x) = f([last])(h), within twice
    the bound of the whole (the stack may have rounded its prefix otherwise) and the last layer's own.
    """
    x, params = case.arguments
    if "final_norm" in params:
        before, last = {"layers": params["layers"]}, {"layers": [], "final_norm": params["final_norm"]}
    else:
        before, last = {"layers": params["layers"][:-1]}, {"layers": params["layers"][-1:]}
    if not before["layers"]:
        raise NotJudged("the prefix is empty")
    whole, prefix = experiment.ask(case), experiment.ask(case.replacing(1, before))
    if not np.isfinite(prefix.value).all() or prefix.value.shape != x.shape:
        raise NotJudged("the prefix is not finite")
    reached = np.asarray(prefix.reply.outputs).astype(x.dtype)
    alone = experiment.ask(case.but(arguments=(reached, last)))
    wiring = relation("last layer at the prefix", whole.value, alone.value, 2 * whole.bound + alone.bound, whole.scale)
    return (*alone.evidence(), wiring)


@law(
    "Permuting the positions permutes the rows of the answer.",
    draw=lambda recipe: draw(recipe).but(extra={"order": recipe.permutation("order", recipe["length"])}),
)
def is_permutation_equivariant(case: Case, experiment: Experiment) -> Evidence:
    """f(P x, M P^T) = P f(x, M): without positions an encoder knows no order."""
    return permuted(case, experiment)


def with_positions_rows() -> tuple[Any, ...]:
    """Sizes with more than one position and a working attention."""
    return tuple(r for r in ROWS if r["length"] > 1 and not r.get("mask"))


def draw_positions(recipe: Draw) -> Case:
    """A case, an order of its positions, and sinusoidal positions to add."""
    length, d_model = recipe["length"], recipe["d_model"]
    table = recipe.cast(np.asarray(COMPONENTS["sinusoidal_positions"](length, d_model)))
    case = draw(recipe).but(extra={"order": recipe.permutation("order", length), "positions": table})
    x = recipe.array("x", case.arguments[0].shape, "normal")
    return case.replacing(0, x)


@law(
    "With positions added, the order is seen.",
    rows=with_positions_rows(),
    draw=draw_positions,
    kinds=("normal",),
    existential=True,
)
def sees_the_order_with_positions(case: Case, experiment: Experiment) -> Evidence:
    """f(P x + p) and P f(x + p) differ wherever their certified values differ by more than the two bounds.

    Existential: where the truth itself does not separate them nothing is asked.
    """
    order, positions = case.extra["order"], case.extra["positions"]
    x = case.arguments[0]
    moved = experiment.ask(case.replacing(0, (x[..., order, :] + positions).astype(x.dtype)))
    still = experiment.ask(case.replacing(0, (x + positions).astype(x.dtype)))
    there, here = moved.truth.ball.centres(), still.truth.ball.centres()[..., order, :]
    bounds = moved.bound + still.bound[..., order, :]
    apart = np.abs(there - here) - 2 * bounds
    separated = np.where(np.isfinite(apart), apart, -1.0)
    if np.max(separated, initial=-1.0) <= 0:
        raise NotJudged(NOT_SEPARATED)
    place = np.unravel_index(int(np.argmax(separated)), separated.shape)
    difference = moved.value[place] - still.value[..., order, :][place]
    wanted = there[place] - here[place]
    return relation(
        "difference between the orders", np.array([difference]), np.array([wanted]), bounds[place], abs(wanted) * 4
    )


WITH_ATTENTION = tuple(r for r in ROWS if any("attention" not in layer for layer in r["layers"]))


@law(
    "What stands in the padding does not matter, with other padding in each example.",
    rows=WITH_ATTENTION,
    draw=lambda recipe: padded(recipe),
    needs=("mask",),
)
def ignores_the_padding(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Masked positions hold other (finite) numbers: the answers at the positions kept are the same."""
    return layer_ignores_the_padding.test(case, experiment)  # type: ignore[return-value]


def padded(recipe: Draw) -> Case:
    """The encoder's weights with the padding of an encoder layer's case."""
    layer = padded_layer(recipe)
    whole = draw(replace(recipe, row={**recipe.row, "batch": (2,), "mask": False}))
    return layer.but(arguments=(whole.arguments[0], whole.arguments[1]))


behind_the_mask = law_behind_the_mask(SUBJECT, lambda recipe: behind_padding(padded(recipe), recipe), WITH_ATTENTION)


def behind_case(dtype: str) -> Case:
    """The encoder layer's case, through one layer."""
    case = encoder_layer.behind_case(dtype)
    return case.replacing(1, {"layers": [case.arguments[1]]})


INQUIRIES = (inquiry("encoder", behind_case),)
