"""Laws of transformer.

Most inputs isolate, as for the stacks it is made of: where one sub-layer works, in the encoder or in the decoder, it carries
the bound alone; where none does, tables and norms remain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import decoder, decoder_layer, encoder_layer
from veriformer.properties.attention import rate_of
from veriformer.properties.decoder_layer import CROSS, FEED, IDLE, SELF
from veriformer.properties.encoder_layer import norm
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, Subject, differing, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.properties.seeds import seed_of
from veriformer.properties.softmax import within_two
from veriformer.spec import COMPONENTS

IDLE_ENCODER = ("attention", "feed_forward")
ATTENDS = ("feed_forward",)
FEEDS = ("attention",)
"""What is switched off in an encoder layer where nothing works, attention alone, the feed-forward alone."""


def row(
    batch: tuple[int, ...], length: int, length_k: int, vocabulary: int, d_model: int, n_heads: int, **more: Any
) -> dict[str, Any]:
    """Sizes of one case; length_k is that of the source; encoder and decoder say what each layer has switched off."""
    sizes = {"batch": batch, "rank": len(batch) + 1, "length": length, "length_k": length_k, "vocabulary": vocabulary}
    return {**sizes, "d_model": d_model, "d_ff": d_model - 1, "n_heads": n_heads, "encoder": (), "decoder": (), **more}


ROWS = (
    row((), 2, 3, 5, 4, 2),
    row((2,), 2, 3, 5, 4, 2, decoder=(CROSS,), norm="pre", source_mask=True),
    row((), 3, 2, 7, 6, 3, encoder=(IDLE_ENCODER,), decoder=(IDLE,), output=True),
    row((2,), 3, 3, 5, 4, 2, encoder=(IDLE_ENCODER,), decoder=(SELF,), norm="pre", target_mask=True, positions="sinusoidal"),
    row((2,), 2, 3, 6, 4, 2, encoder=(ATTENDS,), decoder=(CROSS,), norm="pre", source_mask=True, final_norm=True, output=True),
    row((), 2, 3, 5, 6, 2, encoder=(FEEDS,), decoder=((*CROSS, "norm_1"),), activation="gelu", biases=True),
    row((2,), 3, 2, 11, 4, 2, encoder=((),), decoder=((),), source_mask=True, target_mask=True, eps=0.25, output=True,
        activation="gelu"),
    row((), 2, 2, 5, 4, 2, encoder=(IDLE_ENCODER, IDLE_ENCODER), decoder=(IDLE, FEED), norm="pre", activation="gelu"),
    row((2,), 2, 4, 5, 8, 2, encoder=((),), decoder=((),), norm="pre", biases=True, eps=0.25, final_norm=True),
)  # fmt: skip


WITH_DROPOUT = (
    *ROWS[:4],
    row((2,), 2, 3, 5, 4, 2, encoder=((),), decoder=((),), rate=0.25, eps=0.25),
    *ROWS[4:],
    row((2,), 3, 3, 5, 4, 2, encoder=(FEEDS,), decoder=(FEED,), norm="pre", source_mask=True, target_mask=True,
        activation="gelu", rate=0.5),
)  # fmt: skip
"""The menu of the universal laws; in all others nothing is dropped."""


def dropout(recipe: Draw) -> dict[str, Any]:
    """The keywords of a dropout with given masks, where the row has a rate: nested like params."""
    if not recipe.get("rate"):
        return {}
    batch, d_model = recipe["batch"], recipe["d_model"]
    shapes = {name: (*batch, recipe[size], d_model) for name, size in (("source", "length_k"), ("target", "length"))}

    def masks(stack: str, side: str, *names: str) -> dict[str, Any]:
        prefixed = (replace(recipe, seed=seed_of(recipe.seed, stack, i)) for i in range(len(recipe[stack])))
        return {"layers": [encoder_layer.dropout(own, shapes[side], *names)["keep"] for own in prefixed]}

    sums = {side: encoder_layer.dropout(recipe, shape, side)["keep"][side] for side, shape in shapes.items()}
    kept_encoder = masks("encoder", "source", "self_attention", "feed_forward")
    kept_decoder = masks("decoder", "target", *decoder_layer.ADDS)
    return {"keep": {"embedding": sums, "encoder": kept_encoder, "decoder": kept_decoder}, **rate_of(recipe)}


def draw(recipe: Draw) -> Case:
    """Tokens of a source and of a target, tables of any kind, and layers of which most do nothing."""
    source, target = (
        recipe.integers(name, (*recipe["batch"], recipe[size]), 0, recipe["vocabulary"])
        for name, size in (("source", "length_k"), ("target", "length"))
    )
    return Case((source, target, parameters(recipe)), {**options(recipe), **dropout(recipe)})


def parameters(recipe: Draw) -> dict[str, Any]:
    """All weights: the tables, the encoder, the decoder."""
    layers = [encoder_layer.parameters(recipe, f"encoder {i}.", off) for i, off in enumerate(recipe["encoder"])]
    last = {"final_norm": norm(recipe, "encoder final_norm")} if recipe.get("final_norm") else {}
    above = decoder.stack(replace(recipe, row={**recipe.row, "layers": recipe["decoder"]}), "decoder ")
    longest = max(recipe["length"], recipe["length_k"])
    return {**tables(recipe, longest), "encoder": {"layers": layers, **last}, "decoder": above}


def tables(recipe: Draw, length: int) -> dict[str, np.ndarray]:
    """Embedding, positions for a little more than the length, and in some sizes an output of its own."""
    vocabulary, d_model = recipe["vocabulary"], recipe["d_model"]
    if recipe.get("positions") == "sinusoidal":
        positions = recipe.cast(np.asarray(COMPONENTS["sinusoidal_positions"](length + 1, d_model)))
    else:
        positions = recipe.array("positions", (length + 1, d_model))
    own = {"output": recipe.weights("output", (d_model, vocabulary))} if recipe.get("output") else {}
    return {"embedding": recipe.array("embedding", (vocabulary, d_model)), "positions": positions, **own}


def options(recipe: Draw) -> dict[str, Any]:
    """The keywords of one case; about half of the rows leave each to its default."""
    batch, length, length_k = recipe["batch"], recipe["length"], recipe["length_k"]
    chosen: dict[str, Any] = {"n_heads": recipe["n_heads"]}
    if recipe.get("source_mask"):
        chosen["source_mask"] = recipe.mask("source_mask", (*batch, 1, 1, length_k))
    if recipe.get("target_mask"):
        chosen["target_mask"] = recipe.mask("target_mask", (*batch, 1, 1, length), causal=True)
    for name in ("norm", "activation", "eps"):
        if recipe.get(name) is not None:
            chosen[name] = recipe[name]
    return chosen


SUBJECT = Subject(
    "transformer",
    WITH_DROPOUT,
    draw,
    batched={"source": 1, "target": 1, "source_mask": 3, "target_mask": 3, "keep": 2},
    top=for_scores(0.1),
    stack=True,
    differentiable=True,
    own_rows=ROWS,
)
law = SUBJECT.law


def draw_names(recipe: Draw) -> Case:
    """A case, and a new name for every token."""
    return draw(recipe).but(extra={"names": recipe.permutation("names", recipe["vocabulary"])})


@law("Renaming the tokens permutes the logits.", draw=draw_names)
def knows_tokens_by_their_rows_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(P source, P target; P embedding, output P) = f P: what a token is called says nothing."""
    return renamed(case, experiment)


def renamed(case: Case, experiment: Experiment) -> Evidence:
    """The law for every component of tokens and params: token t is now called names[t], and so are its row and column."""
    names = case.extra["names"]
    *tokens, params = case.arguments
    former = np.argsort(names)  # the former name of each token
    moved = {**params, "embedding": params["embedding"][former]}
    if "output" in params:
        moved["output"] = params["output"][:, former]
    one = experiment.ask(case.but(arguments=(*(names[t] for t in tokens), moved)))
    other = experiment.ask(case)
    allowed = one.bound[..., names] + other.bound
    return relation("logits before the renaming", one.value[..., names], other.value, allowed, other.scale)


def tied(recipe: Draw) -> Draw:
    """The same draw without an output of its own."""
    return replace(recipe, row={**recipe.row, "output": False})


def untied(case: Case) -> Case:
    """The case with the transpose of the embedding as its output."""
    params = case.arguments[-1]
    own = {**params, "output": np.ascontiguousarray(params["embedding"].T)}
    return case.replacing(len(case.arguments) - 1, own)


@law("A tied output is the transpose of the embedding.", draw=lambda recipe: draw(tied(recipe)))
def a_tied_output_is_the_transposed_embedding(case: Case, experiment: Experiment) -> Evidence:
    """Without output, f is f with output = embedding^T, not scaled."""
    return within_two(experiment.ask(case), experiment.ask(untied(case)), "logits with that output given")


def draw_tied(recipe: Draw) -> Case:
    """A case without an output of its own, and a cotangent."""
    return with_cotangent(draw(tied(recipe)), recipe, "transformer")


@law(
    "Tied weights share one gradient: what they get as a lookup and as an output.",
    rows=ROWS[:4],
    draw=draw_tied,
    gradients=True,
)
def tied_weights_share_one_gradient(case: Case, experiment: Experiment) -> Evidence:
    """d embedding (tied) = d embedding + (d output)^T (untied, output = embedding^T)."""
    return shared_gradient(case, experiment)


def shared_gradient(case: Case, experiment: Experiment) -> Evidence:
    """The law for every component whose last argument holds the tables."""
    cotangent, last = case.extra["cotangent"], len(case.arguments) - 1
    one = experiment.ask(case, cotangent=cotangent)
    other = experiment.ask(untied(case), cotangent=cotangent)
    places = {"shared": (one, "embedding"), "lookup": (other, "embedding"), "output": (other, "output")}
    flows = {name: gradient_of(answer, (last, leaf)) for name, (answer, leaf) in places.items()}
    if any(flow is None for flow, _, _ in flows.values()):
        return differing("gradient of a table", "none: no derivative reached it", "an array")
    (shared, bound, scale), (lookup, bound_lookup, _), (output, bound_output, _) = flows.values()
    own = 2.0**-52 * (np.abs(lookup) + np.abs(output.T))  # the sum itself, in float64
    allowed = bound + bound_lookup + bound_output.T + own
    return relation("gradient of the tied table", shared, lookup + output.T, allowed, scale)


def gradient_of(answer: Answer, path: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """The implementation's gradient at a path as float64, with its bound and scale."""
    truth = dict(answer.gradient_truths)[path]
    gradient = answer.gradient(path)
    return None if gradient is None else np.asarray(gradient).astype(np.float64), truth.bound, truth.scale


def draw_future(recipe: Draw) -> Case:
    """A case, a position from which on the target changes, and what comes then."""
    position = int(recipe.integers("position", (), 1, max(recipe["length"], 2)))
    case = draw(recipe)
    return case.but(extra={"position": position, "tokens": other_tokens(recipe, case.arguments[1])})


def other_tokens(recipe: Draw, tokens: np.ndarray) -> np.ndarray:
    """A different token in each place."""
    step = recipe.integers("step", tokens.shape, 1, recipe["vocabulary"])
    return np.asarray((tokens + step) % recipe["vocabulary"])


@law("The past does not depend on the future.", draw=draw_future)
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing the target from position t on leaves the logits before t as they are."""
    return blind_to_the_future(case, experiment)


def blind_to_the_future(case: Case, experiment: Experiment) -> Evidence:
    """The law for every component whose last argument but one is the tokens so far."""
    place, t = len(case.arguments) - 2, case.extra["position"]
    tokens = case.arguments[place]
    later = np.where(np.arange(tokens.shape[-1]) >= t, case.extra["tokens"], tokens)
    one, other = experiment.ask(case.replacing(place, later)), experiment.ask(case)
    allowed = (one.bound + other.bound)[..., :t, :]
    return relation(
        "logits before the change", one.value[..., :t, :], other.value[..., :t, :], allowed, other.scale[..., :t, :]
    )


def draw_padded(recipe: Draw) -> Case:
    """Two examples; in each, another part of the source and another position of the target are hidden."""
    wide = replace(recipe, row={**recipe.row, "batch": (2,), "source_mask": False, "target_mask": False})
    case = draw(wide)
    source, target, _ = case.arguments
    length, length_k = recipe["length"], recipe["length_k"]
    hidden = np.arange(length) == np.array([[length - 1], [1]])  # (2, L)
    padded = np.arange(length_k) >= np.array([[length_k - 1], [max(length_k - 2, 1)]])  # (2, L_source)
    masks = {"source_mask": ~padded[:, None, None, :], "target_mask": ~hidden[:, None, None, :]}
    extra = {
        "source": np.where(padded, other_tokens(wide, source), source),
        "target": np.where(hidden, other_tokens(wide, target), target),
        "kept": ~hidden,
    }
    return case.but(options={**case.options, **masks}, extra=extra)


@law(
    "What stands in the padding does not matter, with other padding in each example.",
    draw=draw_padded,
    needs=("source_mask", "target_mask"),
)
def ignores_the_padding(case: Case, experiment: Experiment) -> Evidence:
    """Masked places of source and target hold other tokens: the logits at the other places of the target stay."""
    changed = (case.extra["source"], case.extra["target"], case.arguments[2])
    one, plain, kept = experiment.ask(case.but(arguments=changed)), experiment.ask(case), case.extra["kept"]
    allowed, scale = (one.bound + plain.bound)[kept], np.asarray(plain.scale)[kept]
    return relation("logits with other padding", one.value[kept], plain.value[kept], allowed, scale)


def draw_unplaced(recipe: Draw) -> Case:
    """A case whose positions are all 0, and an order of its source."""
    case = draw(recipe)
    params = {**case.arguments[2], "positions": np.zeros_like(case.arguments[2]["positions"])}
    order = recipe.permutation("order", recipe["length_k"])
    return case.replacing(2, params).but(extra={"order": order}, fixed=frozenset({(0, 2, "positions")}))


@law("Without positions the order of the source is not seen.", draw=draw_unplaced)
def without_positions_ignores_the_order_of_the_source(case: Case, experiment: Experiment) -> Evidence:
    """positions = 0: f(source P, target; mask P) = f(source, target; mask)."""
    order, options = case.extra["order"], dict(case.options)
    if "source_mask" in options:
        options["source_mask"] = options["source_mask"][..., order]
    moved = case.replacing(0, case.arguments[0][..., order]).but(options=options)
    return within_two(experiment.ask(moved), experiment.ask(case), "logits for the source in order")


INQUIRIES = ()
