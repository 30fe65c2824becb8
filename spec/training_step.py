"""training_step: the loss of a batch, its gradient, that gradient clipped, and Adam's step at the scheduled rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from veriformer.spec.adam import EPS_PLACE, check, corrections, displacement, next_moments
from veriformer.spec.bounds import training_step as bound
from veriformer.spec.clip_by_global_norm import UNDER, clip_by_global_norm
from veriformer.spec.component import Honest, component, require
from veriformer.spec.cross_entropy import SMOOTHING, cross_entropy
from veriformer.spec.numbers import Ball, Number, Tape, bounded_by, number, pull_back
from veriformer.spec.slip import Part
from veriformer.spec.transformer import transformer
from veriformer.spec.warmup_schedule import warmup_schedule

IGNORED = -100
"""In target_out: nothing is to be predicted here. PyTorch's default of ignore_index."""
BETAS, EPS = (0.9, 0.98), 1e-9
Tree = Any
Flat = dict[Any, Any]


def flat(tree: Tree, path: tuple[Any, ...] = ()) -> Flat:
    """Every array of a tree under its path."""
    if not isinstance(tree, dict | list | tuple):
        return {path: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {place: leaf for key, item in items for place, leaf in flat(item, (*path, key)).items()}


def nested(arrays: Flat, like: Tree, path: tuple[Any, ...] = ()) -> Tree:
    """The arrays in the nesting of another tree."""
    if isinstance(like, dict):
        return {key: nested(arrays, item, (*path, key)) for key, item in like.items()}
    if isinstance(like, list | tuple):
        return [nested(arrays, item, (*path, index)) for index, item in enumerate(like)]
    return arrays[path]


@Part
def mean_loss(logits: Any, targets: Any, **options: Any) -> Any:
    """The mean of the losses of the tokens that count."""
    return cross_entropy(logits, targets, ignore_index=IGNORED, **options)


@bounded_by(bound.as_answered)
def as_answered(x: Any) -> Any:
    """A number of the answer, from which the rest of it is judged."""
    return x


def with_gradient(loss: Callable[[Flat], Any], params: Flat) -> tuple[Any, Flat]:
    """A loss of params and its gradient, by a tape. Plain floats have none: they go through balls."""
    if not any(isinstance(leaf, Number) for leaf in params.values()):
        value, grads = with_gradient(loss, {path: Ball.given(leaf) for path, leaf in params.items()})
        return value.centres(), {path: g.centres() for path, g in grads.items()}
    tapes = {path: Tape(leaf) for path, leaf in params.items()}
    output = loss(tapes)
    first = next(iter(params.values()))
    found = pull_back(output, number(1, like=first), list(tapes.values()))
    zeros = {path: number(np.zeros(leaf.shape), like=leaf) for path, leaf in params.items()}
    flown = {path: g for path, g in zip(params, found, strict=True) if g is not None}
    return output.value, {**zeros, **flown}


@Part
def scheduled(step: int, d_model: int, warmup: int, like: Any) -> Any:
    """The learning rate of the update that follows `step` finished ones."""
    return warmup_schedule(step + 1, d_model=d_model, warmup=warmup, like=like)


def answered(place: int) -> Callable[[tuple[Any, ...], Any], Tree | None]:
    """Reads one tree of the answer, if it has the nesting and the shapes of the parameters and is finite."""

    def read(arguments: tuple[Any, ...], answer: Any) -> Tree | None:
        if not isinstance(answer, tuple | list) or len(answer) != 5:
            return None
        came, wanted = flat(answer[place]), flat(arguments[0])
        if came.keys() != wanted.keys() or any(np.shape(came[path]) != leaf.shape for path, leaf in wanted.items()):
            return None
        return answer[place] if all(np.isfinite(leaf.astype(np.float64)).all() for leaf in came.values()) else None

    return read


@component(
    source="Vaswani et al. 2017, section 5; clipping: Pascanu, Mikolov & Bengio 2013",
    honest=(
        Honest("the honest algorithms of its parts, one after the other", "see each part"),
        Honest(
            "what follows is judged on the gradient, and the clipped gradient, of the answer itself", "teacher forcing"
        ),
    ),
    conventions=(SMOOTHING, UNDER, EPS_PLACE),
    from_answer={"own_grads": answered(1), "own_clipped": answered(2)},
)
def training_step(
    params: Tree,
    state: dict[str, Any],
    batch: dict[str, Any],
    *,
    n_heads: int,
    d_model: int,
    warmup: int,
    max_norm: float,
    label_smoothing: float,
    keep: Any = None,
    rate: float = 0.1,
    smoothing: str = "all_classes",
    under: str = "norm",
    eps_place: str = "after_correction",
    own_grads: Tree = None,
    own_clipped: Tree = None,
) -> tuple[Any, Tree, Tree, Tree, dict[str, Any]]:
    """loss = cross_entropy(transformer(source, target_in; params), target_out), over the tokens that count,
    grads = d loss / d params, clipped = clip_by_global_norm(grads, max_norm),
    params', state' = adam(params, clipped, state; lr = warmup_schedule(step + 1)). Returns all five, grads and clipped nested
    like params.

    params: as for transformer (post-norm, ReLU). state: {"step": finished updates, 0 at first, "m", "v": nested like params,
    0 at first}. batch: source (..., L_source), target_in (..., L), target_out (..., L), the token that follows each of
    target_in, -100 where none is to be predicted: that position is not counted; source_mask and target_mask as for
    transformer, or missing. beta_1 = 0.9, beta_2 = 0.98, eps = 1e-9, no decay.
    keep: masks of the dropout of section 5.4, at a rate, nested like params: keep["embedding"]["source"] (..., L_source,
    d_model) and ["target"] (..., L, d_model) for the sums of embedding and position, keep["encoder"]["layers"][i] with
    ["self_attention"] and ["feed_forward"], keep["decoder"]["layers"][i] with ["cross_attention"] too, each of the shape of
    the sub-layer's output. What is missing, or None, is not dropped.
    Each half is judged by itself: clipped on the gradients that were answered (own_grads), params and state on the clipped
    gradients that were answered (own_clipped). Corners: nothing given is changed.
    Raises ValueError for a batch without a token that counts, a d_model that is not the table's, and what its parts raise.
    """
    require(
        bool((np.asarray(batch["target_out"]) != IGNORED).any()), "the batch is empty: no token of target_out counts"
    )
    width = params["embedding"].shape[-1]
    require(width == d_model, f"d_model {d_model}: the embedding is {width} wide")
    masks = {name: batch.get(name) for name in ("source_mask", "target_mask")}

    def loss(leaves: Flat) -> Any:
        told = {"n_heads": n_heads, "keep": keep, "rate": rate, **masks}
        logits = transformer(batch["source"], batch["target_in"], nested(leaves, params), **told)
        return mean_loss(logits, batch["target_out"], label_smoothing=label_smoothing, smoothing=smoothing)

    leaves, moments = flat(params), {"step": state["step"], "m": flat(state["m"]), "v": flat(state["v"])}
    value, grads = with_gradient(loss, leaves)
    clipped = clip_by_global_norm(given(own_grads, grads), max_norm, under=under)
    moved, new = stepped(leaves, given(own_clipped, clipped), moments, (d_model, warmup), eps_place)
    new = {"step": new["step"], "m": nested(new["m"], params), "v": nested(new["v"], params)}
    return value, nested(grads, params), nested(clipped, params), nested(moved, params), new


def given(own: Tree, otherwise: Flat) -> Flat:
    """What was answered; otherwise, what should have been."""
    return otherwise if own is None else {path: as_answered(leaf) for path, leaf in flat(own).items()}


def stepped(
    params: Flat, grads: Flat, state: dict[str, Any], schedule: tuple[int, int], eps_place: str
) -> tuple[Flat, dict[str, Any]]:
    """Adam's step with its defaults, at the scheduled rate. Each number is moved by itself: all arrays in a row are one."""
    check(params, grads, state, BETAS, {})
    p, *others = (in_a_row(arrays, params) for arrays in (params, grads, state["m"], state["v"]))
    (g, m, v), step = ({"": array} for array in others), int(state["step"])
    new = next_moments(g, {"step": step, "m": m, "v": v}, *BETAS)
    by, lr = corrections(BETAS, new["step"], "on", like=p), scheduled(step, *schedule, p)
    moved = p - displacement(new["m"][""], new["v"][""], by, lr, number(EPS, like=p), eps_place=eps_place)
    moments = {name: in_their_shapes(new[name][""], params) for name in ("m", "v")}
    return in_their_shapes(moved, params), {"step": new["step"], **moments}


def in_a_row(arrays: Flat, like: Flat) -> Any:
    """All numbers of some arrays, one array after the other, in the order of another's names."""
    return np.concatenate([arrays[path].reshape(-1) for path in like])


def in_their_shapes(row: Any, like: Flat) -> Flat:
    """The arrays again."""
    ends = np.cumsum([leaf.size for leaf in like.values()]).tolist()
    return {
        path: row[end - leaf.size : end].reshape(leaf.shape)
        for (path, leaf), end in zip(like.items(), ends, strict=True)
    }


@mean_loss.slip("the mean of each example's mean")
def mean_of_means(logits: Any, targets: Any, **options: Any) -> Any:
    losses = cross_entropy(logits, targets, ignore_index=IGNORED, reduction="none", **options)
    counts = (np.asarray(targets) != IGNORED).sum(-1)
    means = losses.sum(-1) / number(np.maximum(counts, 1), like=losses)
    return means.sum() / number(int(max(np.sum(counts > 0), 1)), like=losses)


@scheduled.slip("the schedule one step late: at the number of finished updates")
def schedule_one_step_late(step: int, d_model: int, warmup: int, like: Any) -> Any:
    return number(0, like=like) if step == 0 else warmup_schedule(step, d_model=d_model, warmup=warmup, like=like)
