"""Laws of decoder.

Most inputs isolate, as for decoder_layer: idle pre-norm layers are the identity, so one working layer among them carries
the bound alone, wherever it stands in the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from veriformer.impls.tree import rebuild
from veriformer.properties import decoder_layer
from veriformer.properties.behind_mask import SENTENCE, inquiry, what_stands_behind_a_mask_does_not_matter
from veriformer.properties.decoder_layer import ADDS, CROSS, FEED, IDLE, SELF, options, row, sequences
from veriformer.properties.encoder_layer import dropout_of_layers, norm
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.spec import COMPONENTS

ROWS = (
    row((), 2, 3, 4, 3, 2, layers=(IDLE,)),
    row((), 2, 3, 4, 3, 2, layers=(IDLE, CROSS), norm="pre"),
    row((2,), 3, 2, 4, 4, 2, layers=(SELF, IDLE), norm="pre", mask=True, final_norm=True),
    row((2,), 2, 3, 4, 4, 2, layers=(CROSS, IDLE, CROSS), norm="pre", memory_mask=True),
    row((), 3, 2, 4, 4, 2, layers=((*IDLE, "norm_3"), SELF), activation="gelu"),
    row((), 2, 2, 4, 4, 2, layers=(IDLE,), final_norm=True, norm="pre"),
    row((), 3, 2, 4, 3, 2, layers=(FEED,), norm="pre", activation="gelu"),
    row((2,), 3, 3, 4, 4, 2, layers=((*CROSS, "norm_1"),), memory_mask=True, biases=True),
    row((2,), 3, 2, 4, 4, 2, layers=((), ()), mask=True, memory_mask=True, eps=0.25, activation="gelu"),
    row((2,), 2, 3, 6, 5, 3, layers=((), ()), norm="pre", final_norm=True, biases=True, eps=0.25),
)


def stack(recipe: Draw, prefix: str = "") -> dict[str, Any]:
    """The weights of a few layers, most of them idle, and of a last norm in some sizes."""
    layers = [decoder_layer.parameters(recipe, f"{prefix}layer {i}.", off) for i, off in enumerate(recipe["layers"])]
    last = {"final_norm": norm(recipe, f"{prefix}final_norm")} if recipe.get("final_norm") else {}
    return {"layers": layers, **last}


def draw(recipe: Draw) -> Case:
    """Two sequences of any kind, through a few layers."""
    x, memory = sequences(recipe)
    return Case((x, memory, stack(recipe)), {**options(recipe), **dropout_of_layers(recipe, x.shape, *ADDS)})


WITH_DROPOUT = (
    *ROWS[:2],
    row((2,), 3, 3, 4, 3, 2, layers=(SELF, IDLE), norm="pre", rate=0.25),
    *ROWS[2:],
    row((2,), 3, 2, 4, 4, 2, layers=(FEED, IDLE), mask=True, memory_mask=True, eps=0.25, activation="gelu", rate=0.5),
)
"""The menu of the universal laws; in all others nothing is dropped."""
SUBJECT = Subject(
    "decoder",
    WITH_DROPOUT,
    draw,
    batched=decoder_layer.SUBJECT.batched,
    top=for_scores(0.1),
    stack=True,
    differentiable=True,
    own_rows=ROWS,
)
law = SUBJECT.law


def of_layer(made: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
    """A case of decoder_layer, with the weights of a decoder."""
    return lambda recipe: made(recipe).replacing(2, stack(recipe))


CONSULTING = tuple(r for r in ROWS if any("cross_attention" not in off for off in r["layers"]))
ATTENTIVE = tuple(r for r in ROWS if any(not {"self_attention", "cross_attention"} <= set(off) for off in r["layers"]))


@law(
    "A pre-norm decoder of idle layers is the identity.",
    rows=tuple(r for r in ROWS if r.get("norm") == "pre"),
    needs=("norm",),
)
def idle_layers_are_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """All w_o, b_o, w_2, b_2 = 0 and no final norm: f(x, m) = x."""
    if experiment.setting(case, "norm") != "pre":
        raise NotJudged("not a pre-norm decoder")
    x, memory, params = case.arguments

    def idle(path: Any, leaf: Any) -> Any:
        return np.zeros_like(leaf) if path[-1] in ("w_o", "b_o", "w_2", "b_2") else leaf

    answer = experiment.ask(case.but(arguments=(x, memory, {"layers": rebuild(params["layers"], idle)})))
    return relation("x itself", answer.value, x, answer.bound, answer.scale)


def draw_one(recipe: Draw) -> Case:
    """The layer alone in which most works."""
    case = draw(recipe)
    x, memory, params = case.arguments
    busiest = min(range(len(recipe["layers"])), key=lambda i: len(recipe["layers"][i]))
    return case.but(arguments=(x, memory, {"layers": [params["layers"][busiest]]}))


@law("A decoder of one layer is that layer.", rows=tuple(r for r in ROWS if r["layers"]), draw=draw_one)
def one_layer_is_that_layer(case: Case, experiment: Experiment) -> Evidence:
    """f([layer])(x, m) = decoder_layer(x, m), the spec's, where there is no final norm."""
    x, memory, params = case.arguments
    answer = experiment.ask(case)
    alone = experiment.truth_of(COMPONENTS["decoder_layer"], case.but(arguments=(x, memory, params["layers"][0])))
    wanted = alone.ball.centres()
    return relation("the layer alone", answer.value, wanted, answer.bound + alone.bound, answer.scale)


@law(
    "Each layer continues from what the layers before it answered.",
    rows=tuple(r for r in ROWS if len(r["layers"]) + bool(r.get("final_norm")) > 1),
)
def each_layer_continues_from_its_prefix(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Each layer by itself at the implementation's own answer of those before it, h = f(layers[:-1])(x, m):

    f([last])(h, m) is the formula's, on inputs as they occur inside the stack; and f(layers)(x, m) = f([last])(h, m),
    within twice the bound of the whole (the stack may have rounded its prefix otherwise) and the last layer's own.
    """
    x, memory, params = case.arguments
    if "final_norm" in params:
        before, last = {"layers": params["layers"]}, {"layers": [], "final_norm": params["final_norm"]}
    else:
        before, last = {"layers": params["layers"][:-1]}, {"layers": params["layers"][-1:]}
    whole, prefix = experiment.ask(case), experiment.ask(case.replacing(2, before))
    if not np.isfinite(prefix.value).all() or prefix.value.shape != x.shape:
        raise NotJudged("the prefix is not finite")
    reached = np.asarray(prefix.reply.outputs).astype(x.dtype)
    alone = experiment.ask(case.but(arguments=(reached, memory, last)))
    wiring = relation("last layer at the prefix", whole.value, alone.value, 2 * whole.bound + alone.bound, whole.scale)
    return (*alone.evidence(), wiring)


@law("The past does not depend on the future.", draw=of_layer(decoder_layer.draw_future))
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing x from position t on leaves the rows before t as they are."""
    return decoder_layer.does_not_look_ahead.test(case, experiment)  # type: ignore[return-value]


@law(
    "Permuting the memory with the columns of its mask changes nothing.",
    rows=CONSULTING,
    draw=of_layer(decoder_layer.draw_order),
)
def ignores_the_order_of_the_memory(case: Case, experiment: Experiment) -> Evidence:
    """f(x, P m, M P^T) = f(x, m, M), through every layer."""
    return decoder_layer.ignores_the_order_of_the_memory.test(case, experiment)  # type: ignore[return-value]


@law(
    "What stands in the padding does not matter, with other padding in each example.",
    rows=ATTENTIVE,
    draw=of_layer(decoder_layer.draw_padded),
    needs=("mask", "memory_mask"),
)
def ignores_the_padding(case: Case, experiment: Experiment) -> Evidence:
    """Masked positions of x and of the memory hold other (finite) numbers: the answers at the other positions stay."""
    return decoder_layer.ignores_the_padding.test(case, experiment)  # type: ignore[return-value]


behind_the_mask = law(
    SENTENCE,
    rows=ATTENTIVE,
    draw=lambda recipe: decoder_layer.behind_padding(of_layer(decoder_layer.draw_padded)(recipe), recipe),
    needs=("mask", "memory_mask"),
)(what_stands_behind_a_mask_does_not_matter)


def behind_case(dtype: str) -> Case:
    """The decoder layer's case, through one layer."""
    case = decoder_layer.behind_case(dtype)
    return case.replacing(2, {"layers": [case.arguments[2]]})


INQUIRIES = (inquiry("decoder", behind_case),)
