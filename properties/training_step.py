"""Laws of training_step.

Loss and gradient come through a whole model: most inputs isolate, as for transformer. What follows is judged on the
implementation's own gradient, so that neither hides in the other's bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path
from veriformer.impls.tree import rebuild
from veriformer.properties import transformer
from veriformer.properties.decoder_layer import CROSS, FEED, IDLE, SELF
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.properties.tensors import by_path
from veriformer.properties.transformer import ATTENDS, FEEDS, IDLE_ENCODER
from veriformer.properties.truth import place
from veriformer.spec.training_step import IGNORED

LOSS, GRADS, CLIPPED, PARAMS, STATE = range(5)
"""Where each of the five stands in the answer."""


def row(
    batch: tuple[int, ...], length: int, length_k: int, vocabulary: int, d_model: int, n_heads: int, **more: Any
) -> dict[str, Any]:
    """Sizes of one case, as of transformer: and how many updates are finished, the schedule, the threshold, the smoothing."""
    sizes = transformer.row(batch, length, length_k, vocabulary, d_model, n_heads)
    return {**sizes, "step": 0, "warmup": 4, "max_norm": 1.0, "label_smoothing": 0.1, **more}


ROWS = (
    row((2,), 2, 3, 5, 4, 2),
    row((), 3, 2, 7, 6, 3, encoder=(IDLE_ENCODER,), decoder=(IDLE,), output=True, step=7, label_smoothing=0.0),
    row((2,), 3, 2, 5, 4, 2, decoder=((*CROSS, "norm_1"),), source_mask=True, max_norm=0.01, step=3),
    row((2,), 3, 3, 5, 4, 2, decoder=(SELF,), target_mask=True, max_norm=100.0, step=1),
    row((2,), 2, 3, 5, 4, 2, encoder=((),), decoder=((),), rate=0.25, max_norm=0.5),
    row((2,), 2, 3, 5, 4, 2, encoder=(FEEDS,), decoder=((*CROSS, "norm_2"),), step=299, warmup=4000),
    row((2,), 2, 2, 6, 4, 2, encoder=(ATTENDS,), decoder=((*FEED, "norm_3"),), rate=0.1, biases=True, step=4),
    row((2,), 3, 2, 11, 4, 2, encoder=((),), decoder=((),), source_mask=True, target_mask=True, output=True, step=2),
)


def draw(recipe: Draw) -> Case:
    """Tokens and weights as for transformer, a state, and targets of which some do not count."""
    return training(recipe, transformer.draw(recipe))


def training(recipe: Draw, case: Case) -> Case:
    """A case of transformer as a step of training."""
    source, target, params = case.arguments
    batch: dict[str, Any] = {"source": source, "target_in": target, "target_out": targets(recipe, target.shape)}
    batch |= {name: case.options[name] for name in ("source_mask", "target_mask") if name in case.options}
    options = {name: recipe[name] for name in ("n_heads", "d_model", "warmup", "max_norm", "label_smoothing")}
    options |= {name: case.options[name] for name in ("keep", "rate") if name in case.options}
    return Case((params, state(recipe, params), batch), options)


def targets(recipe: Draw, shape: tuple[int, ...]) -> np.ndarray:
    """A token for each position. Some do not count, more of them in one example than in the next; the first always does."""
    tokens = np.asarray(recipe.integers("target_out", shape, 0, recipe["vocabulary"]))
    hidden = recipe.rng("hidden").random(shape) < 0.4
    hidden[..., 0] = False
    if len(shape) > 1:
        hidden[0, -1] = True
    return np.where(hidden, IGNORED, tokens)


def state(recipe: Draw, params: Any) -> dict[str, Any]:
    """The moments after some updates; before the first they are 0."""

    def moment(path: Path, leaf: np.ndarray) -> np.ndarray:
        drawn = recipe.rng(f"moment {path}").standard_normal(leaf.shape) * 0.1
        return recipe.cast(drawn if recipe["step"] else np.zeros(leaf.shape))

    m = rebuild(params, moment)
    v = rebuild(m, lambda _, leaf: recipe.cast(leaf.astype(np.float64) ** 2))
    return {"step": recipe["step"], "m": m, "v": v}


SHARP = (ROWS[0], ROWS[5])
"""Sizes of several examples whose bounds say something, added up over a batch too."""
SUBJECT = Subject(
    "training_step",
    ROWS,
    draw,
    top=for_scores(0.1),
    kinds=("normal", "integers", "ties", "small", "one_hot", "outliers"),
    follow=(CLIPPED, PARAMS, STATE),
    stack=True,
)
law = SUBJECT.law


def parts(answer: Answer, *which: int) -> tuple[Evidence, ...]:
    """Some of the five beside their truths."""
    return tuple(t.evidence(place(path), answer.output(path)) for path, t in answer.outputs if path[0] in which)


@law("Loss and gradient are the formula's: the gradient of the whole loss.")
def the_gradient_is_that_of_the_whole_loss(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """loss and d loss / d params lie within their bounds of the certified ones."""
    return parts(experiment.ask(case), LOSS, GRADS)


@law("It clips the gradient that it answers.")
def clips_its_own_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """clipped = clip_by_global_norm(grads, max_norm), for the grads that were answered."""
    return parts(experiment.ask(case), CLIPPED)


@law("Adam steps by what was clipped, at the rate of the schedule.")
def adam_steps_by_what_was_clipped(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """params, state = adam(params, clipped, state; lr = warmup_schedule(step + 1)), for the clipped that were answered."""
    return parts(experiment.ask(case), PARAMS, STATE)


def together(one: Answer, other: Answer, comparison: str) -> tuple[Evidence, ...]:
    """Loss and gradients of two steps, within the two bounds."""
    wanted = by_path(other)
    return tuple(
        relation(f"{place(path)} {comparison}", got, wanted[path][0], t.bound + wanted[path][1].bound, size(one, path))
        for path, got, t in one.each()
        if path[0] in (LOSS, GRADS)
    )


def size(answer: Answer, path: Path) -> float:
    """The largest number of all gradients together, or the loss: some arrays have no gradient but rounding."""
    return max(float(np.max(truth.scale, initial=0.0)) for other, truth in answer.outputs if other[0] == path[0])


def draw_padded(recipe: Draw) -> Case:
    """Hidden places of source and target, and other tokens for them; what follows a hidden place does not count."""
    undropped = replace(recipe, row={**recipe.row, "batch": (2,), "rate": None})
    padded = transformer.draw_padded(undropped)
    case = training(undropped, padded)
    params, moments, batch = case.arguments
    target_out = np.where(padded.extra["kept"], np.maximum(batch["target_out"], 0), IGNORED)
    other = {"source": padded.extra["source"], "target_in": padded.extra["target"]}
    return case.but(arguments=(params, moments, {**batch, "target_out": target_out}), extra=other)


@law("The padding moves nothing: neither the loss nor a gradient.", draw=draw_padded)
def the_padding_moves_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Other tokens where source and target are hidden, and nothing counts, leave loss and gradients as they are."""
    params, moments, batch = case.arguments
    other = experiment.ask(case.but(arguments=(params, moments, {**batch, **case.extra})))
    return together(other, experiment.ask(case), "for other padding")


def draw_undropped(recipe: Draw) -> Case:
    """A case whose sub-layers all stay, and masks that keep everything."""
    case = draw(replace(recipe, row={**recipe.row, "rate": 0.5}))
    return case.but(options={**case.options, "keep": rebuild(case.options["keep"], lambda _, m: np.ones_like(m))})


@law("Dropout that keeps everything, at rate 0, changes nothing.", draw=draw_undropped, needs=("keep", "rate"))
def keeping_everything_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(keep = everything, rate = 0) = f without keep."""
    undropped = {name: value for name, value in case.options.items() if name not in ("keep", "rate")}
    one, other = experiment.ask(case.but(options={**case.options, "rate": 0.0})), case.but(options=undropped)
    return together(one, experiment.ask(other), "without dropout")


@law(
    "Micro-batches, weighted by their tokens, are the whole batch.",
    rows=SHARP,
    kinds=("integers", "normal", "outliers"),
)
def micro_batches_by_their_tokens_are_the_whole_batch(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """sum_b n_b f(example b) = n f(batch) for loss and gradients, n the tokens that count: they differ from example to
    example, and the mean of the examples' means is another number."""
    whole = experiment.ask(case)
    examples = [example(case, b) for b in range(len(case.arguments[2]["target_out"]))]
    counts = [tokens(part) for part in examples]
    answers = [by_path(experiment.ask(part)) for part in examples]
    total, evidence = tokens(case), []
    for path, got, truth in whole.each():
        if path[0] in (LOSS, GRADS):
            mixed = sum(n * answer[path][0] for n, answer in zip(counts, answers, strict=True))
            allowed = sum(n * answer[path][1].bound for n, answer in zip(counts, answers, strict=True))
            own = 2.0**-50 * sum(n * np.abs(answer[path][0]) for n, answer in zip(counts, answers, strict=True))
            within = total * truth.bound + allowed + own
            name = f"{place(path)}, times its tokens"
            evidence.append(relation(name, total * got, mixed, within, total * size(whole, path)))
    return tuple(evidence)


def tokens(case: Case) -> int:
    """How many count."""
    return int((case.arguments[2]["target_out"] != IGNORED).sum())


def example(case: Case, b: int) -> Case:
    """One example as a batch of its own."""
    params, moments, batch = case.arguments
    if len(batch["target_out"]) == 1:
        raise NotJudged("one example is the whole batch")
    own = {name: array[b : b + 1] for name, array in batch.items()}
    options = {**case.options}
    if "keep" in options:
        options["keep"] = rebuild(options["keep"], lambda _, mask: mask[b : b + 1])
    return case.but(arguments=(params, moments, own), options=options)


INQUIRIES = ()
