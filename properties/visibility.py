"""Laws of visibility: what a query sees, in whatever words it is said, and that nothing else matters to it."""

from __future__ import annotations

import numpy as np

from veriformer.properties.attention import FREE, SQUARE, SUBJECT, UNDROPPED, draw, extension, indexed, law, seen
from veriformer.properties.behind_mask import behind, law_behind_the_mask
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, relation
from veriformer.properties.probes import Draw
from veriformer.properties.softmax import within_two

SMALL = tuple(r for r in UNDROPPED if not r.get("kernel"))
SLANTED = tuple(r for r in SMALL if (r.get("causal") or r.get("window")) and r["length"] > 1)


def draw_queries(recipe: Draw) -> Case:
    """A case, and some of its queries."""
    chosen = recipe.permutation("chosen", recipe["length"])[: max(recipe["length"] // 2, 1)]
    return draw(recipe).but(extra={"queries": np.sort(chosen)})


@law("Every query is answered alone.", rows=tuple(r for r in FREE if r["length"] > 1), draw=draw_queries)
def each_query_is_answered_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(q[S], k, v) = f(q, k, v)[S] for any set S of queries, each with its row of the mask."""
    chosen = case.extra["queries"]
    return queries_alone(case, experiment, chosen)


def queries_alone(case: Case, experiment: Experiment, chosen: np.ndarray) -> Evidence:
    """Some queries asked without the others."""
    q, k, v = case.arguments
    fewer = case.but(arguments=(q[..., chosen, :], k, v), options=indexed(case.options, queries=chosen))
    alone, together = experiment.ask(fewer), experiment.ask(case)
    allowed = alone.bound + together.bound[..., chosen, :]
    return relation(
        "answer beside the other queries", alone.value, together.value[..., chosen, :], allowed, alone.scale
    )


def draw_end(recipe: Draw) -> Case:
    """A causal or windowed case, and how many queries are asked alone: then the lengths differ, if they did not before."""
    count = int(recipe.integers("count", (), 1, recipe["length"]))
    return draw(recipe).but(extra={"count": count}, extension=extension(recipe) or "causal with L_q != L_k")


@law(
    "With the triangle at the top left the first queries alone answer the same, at the bottom right the last.",
    rows=SLANTED,
    draw=draw_end,
    needs=("causal",),
)
def queries_at_the_aligned_end_are_answered_alone(case: Case, experiment: Experiment) -> Evidence:
    """top_left: f(q[:n], k, v) = f(q, k, v)[:n]. bottom_right: f(q[-n:], k, v) = f(q, k, v)[-n:]."""
    alignment = experiment.conventions.get("causal_alignment")
    if alignment is None:
        raise NotJudged("at which corner the triangle starts is open")
    every = np.arange(case.arguments[0].shape[-2])
    count = case.extra["count"]
    return queries_alone(case, experiment, every[:count] if alignment == "top_left" else every[-count:])


@law(
    "Causality is a triangular mask.",
    rows=tuple(r for r in SMALL if r.get("causal")),
    needs=("causal", "mask"),
)
def causality_is_a_triangular_mask(case: Case, experiment: Experiment) -> Evidence:
    """f(causal=True, mask=M) = f(mask=M and j <= i), i under the alignment."""
    masked = experiment.ask(in_the_mask(case, experiment, "causal"))
    return within_two(experiment.ask(case), masked, "answer with the triangle in the mask")


@law("A window is its mask.", rows=tuple(r for r in SMALL if r.get("window")), needs=("window", "mask"))
def a_window_is_its_mask(case: Case, experiment: Experiment) -> Evidence:
    """f(window=w, mask=M) = f(mask=M and |i - j| < w), i under the alignment."""
    masked = experiment.ask(in_the_mask(case, experiment, "window"))
    return within_two(experiment.ask(case), masked, "answer with the window in the mask")


def in_the_mask(case: Case, experiment: Experiment, keyword: str) -> Case:
    """The case with a keyword said by the mask, beside whatever the mask hides already."""
    said = {name: value for name, value in case.options.items() if name in ("mask", keyword)}
    rest = {name: value for name, value in case.options.items() if name not in said}
    return case.but(options={**rest, "mask": np.array(seen(case.but(options=said), experiment))})


@law("Key heads that are shared are key heads repeated.", rows=tuple(r for r in SMALL if r.get("heads_k")))
def shared_key_heads_are_repeated_key_heads(case: Case, experiment: Experiment) -> Evidence:
    """With H_q / H_k query heads to each key head, f(q, k, v) = f(q, each key head so often in a row, its values too)."""
    q, k, v = case.arguments
    repeated = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    apart = experiment.ask(case.but(arguments=(q, *repeated)))
    return within_two(experiment.ask(case), apart, "answer with the key heads repeated")


@law("Masking a key is removing it.", rows=tuple(r for r in FREE if r["length_k"] > 1), needs=("mask",))
def a_masked_key_is_removed(case: Case, experiment: Experiment) -> Evidence:
    """Masking the last key for every query gives f without that key."""
    q, k, v = case.arguments
    mask = np.array(seen(case, experiment))
    mask[..., :1] = True
    mask[..., -1] = False
    masked = experiment.ask(case.but(options={**case.options, "mask": mask}))
    shorter = indexed({**case.options, "mask": mask}, keys=slice(None, -1))
    removed = experiment.ask(case.but(arguments=(q, k[..., :-1, :], v[..., :-1, :]), options=shorter))
    return within_two(masked, removed, "answer without the key")


def draw_future(recipe: Draw) -> Case:
    """A causal case, and a position from which on everything changes."""
    case = draw(recipe)
    position = int(recipe.integers("position", (), 1, max(recipe["length"], 2)))
    q, k, v = (
        recipe.array(name, a.shape, "normal") for name, a in zip(("q'", "k'", "v'"), case.arguments, strict=True)
    )
    return case.but(extra={"position": position, "q": q, "k": k, "v": v})


@law("With causal=True the past does not depend on the future.", rows=SQUARE, draw=draw_future, needs=("causal",))
def does_not_look_ahead(case: Case, experiment: Experiment) -> Evidence:
    """Changing q, k, v from position t on leaves the rows before t as they are."""
    t = case.extra["position"]
    late = np.arange(case.arguments[0].shape[-2])[:, None] >= t
    changed = tuple(np.where(late, case.extra[n], a) for n, a in zip("qkv", case.arguments, strict=True))
    one, other = experiment.ask(case.but(arguments=changed)), experiment.ask(case)
    allowed = (one.bound + other.bound)[..., :t, :]
    return relation(
        "rows before the change", one.value[..., :t, :], other.value[..., :t, :], allowed, other.scale[..., :t, :]
    )


def draw_behind(recipe: Draw) -> Case:
    """Keys that no query sees; they, and their values, are no numbers. Every query keeps a key."""
    case = draw(recipe)
    length, length_k = recipe["length"], recipe["length_k"]
    padding = recipe.mask("padding", (*recipe["batch"], 1, length_k))
    padding[..., -1] &= padding.sum(-1) == 1  # the last is hidden unless it is alone
    mask = np.broadcast_to(case.options.get("mask", True), (*recipe["batch"], length, length_k)) & padding
    mask = np.where(mask.any(-1, keepdims=True), mask, padding)
    unseen = ~np.swapaxes(mask.any(-2, keepdims=True), -1, -2)
    return behind(case.but(options={**case.options, "mask": mask}), {"k": unseen, "v": unseen}, recipe=recipe)


behind_the_mask = law_behind_the_mask(SUBJECT, draw_behind, tuple(r for r in FREE if r["length_k"] > 1))
