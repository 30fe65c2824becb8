"""Laws of language_model. Most inputs isolate, as for the encoder it is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import encoder_layer
from veriformer.properties.encoder_layer import norm
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.properties.softmax import within_two
from veriformer.properties.transformer import (
    ATTENDS,
    FEEDS,
    IDLE_ENCODER,
    blind_to_the_future,
    other_tokens,
    renamed,
    shared_gradient,
    tables,
    tied,
    untied,
)


def row(
    batch: tuple[int, ...], length: int, vocabulary: int, d_model: int, n_heads: int, **more: Any
) -> dict[str, Any]:
    """Sizes of one case; layers says what each has switched off."""
    sizes = {"batch": batch, "rank": len(batch) + 1, "length": length, "vocabulary": vocabulary}
    return {**sizes, "d_model": d_model, "d_ff": d_model - 1, "n_heads": n_heads, "layers": (), **more}


ROWS = (
    row((), 2, 5, 4, 2),
    row((2,), 3, 5, 4, 2, layers=(ATTENDS,), norm="pre", mask=True),
    row((), 3, 7, 6, 3, layers=(IDLE_ENCODER,), output=True),
    row((2,), 4, 5, 4, 2, layers=(IDLE_ENCODER, ATTENDS), norm="pre", final_norm=True, output=True, mask="each query"),
    row((), 2, 5, 6, 2, layers=(FEEDS,), norm="pre", activation="gelu", positions="sinusoidal"),
    row((2,), 3, 11, 4, 2, layers=((),), mask=True, eps=0.25, activation="gelu", output=True),
    row((2,), 3, 5, 4, 2, layers=((*ATTENDS, "norm_2"), ATTENDS), biases=True),
    row((2,), 2, 5, 8, 2, layers=((), ()), norm="pre", biases=True, eps=0.25, final_norm=True),
)


def draw(recipe: Draw) -> Case:
    """Tokens, tables of any kind, and layers of which most do nothing."""
    tokens = recipe.integers("tokens", (*recipe["batch"], recipe["length"]), 0, recipe["vocabulary"])
    layers = [encoder_layer.parameters(recipe, f"layer {i}.", off) for i, off in enumerate(recipe["layers"])]
    last = {"final_norm": norm(recipe, "final_norm")} if recipe.get("final_norm") else {}
    params = {**tables(recipe, recipe["length"]), "layers": layers, **last}
    return Case((tokens, params), encoder_layer.options(recipe, causal=True))


SUBJECT = Subject(
    "language_model", ROWS, draw, batched={"tokens": 1, "mask": 3}, top=for_scores(0.1), stack=True, differentiable=True
)
law = SUBJECT.law


def draw_names(recipe: Draw) -> Case:
    """A case, and a new name for every token."""
    return draw(recipe).but(extra={"names": recipe.permutation("names", recipe["vocabulary"])})


@law("Renaming the tokens permutes the logits.", draw=draw_names)
def knows_tokens_by_their_rows_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(P tokens; P embedding, output P) = f P: what a token is called says nothing."""
    return renamed(case, experiment)


@law("A tied output is the transpose of the embedding.", draw=lambda recipe: draw(tied(recipe)))
def a_tied_output_is_the_transposed_embedding(case: Case, experiment: Experiment) -> Evidence:
    """Without output, f is f with output = embedding^T."""
    return within_two(experiment.ask(case), experiment.ask(untied(case)), "logits with that output given")


def draw_tied(recipe: Draw) -> Case:
    """A case without an output of its own, and a cotangent."""
    return with_cotangent(draw(tied(recipe)), recipe, "language_model")


@law(
    "Tied weights share one gradient: what they get as a lookup and as an output.",
    rows=ROWS[:4],
    draw=draw_tied,
    gradients=True,
)
def tied_weights_share_one_gradient(case: Case, experiment: Experiment) -> Evidence:
    """d embedding (tied) = d embedding + (d output)^T (untied, output = embedding^T)."""
    return shared_gradient(case, experiment)


def draw_future(recipe: Draw) -> Case:
    """A case, a position from which on the tokens change, and what comes then."""
    position = int(recipe.integers("position", (), 1, max(recipe["length"], 2)))
    case = draw(recipe)
    return case.but(extra={"position": position, "tokens": other_tokens(recipe, case.arguments[0])})


@law("The past does not depend on the future.", draw=draw_future)
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing the tokens from position t on leaves the logits before t as they are."""
    return blind_to_the_future(case, experiment)


def draw_padded(recipe: Draw) -> Case:
    """Two examples, in each of which another position is hidden."""
    wide = replace(recipe, row={**recipe.row, "batch": (2,), "mask": False})
    case = draw(wide)
    tokens, length = case.arguments[0], recipe["length"]
    hidden = np.arange(length) == np.array([[length - 1], [1]])
    extra = {"tokens": np.where(hidden, other_tokens(wide, tokens), tokens), "kept": ~hidden}
    return case.but(options={**case.options, "mask": ~hidden[:, None, None, :]}, extra=extra)


@law(
    "What stands in the padding does not matter, with other padding in each example.",
    rows=tuple(r for r in ROWS if any("attention" not in layer for layer in r["layers"]) and r["length"] > 2),
    draw=draw_padded,
    needs=("mask",),
)
def ignores_the_padding(case: Case, experiment: Experiment) -> Evidence:
    """Masked places hold other tokens: the logits at the other places stay, those after them too."""
    one, plain = experiment.ask(case.replacing(0, case.extra["tokens"])), experiment.ask(case)
    kept = case.extra["kept"]
    allowed, scale = (one.bound + plain.bound)[kept], np.asarray(plain.scale)[kept]
    return relation("logits with other padding", one.value[kept], plain.value[kept], allowed, scale)


INQUIRIES = ()
