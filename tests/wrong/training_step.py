"""Wrong steps of training: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.training_step import IGNORED, training_step, updated
from veriformer.impls.numpy.warmup_schedule import warmup_schedule
from veriformer.impls.tree import leaves, rebuild

Five = tuple[Any, ...]


def _from(grads: Any, loss: Any, params: Any, state: Any, options: dict[str, Any], **other: Any) -> Five:
    """An honest rest of the step, after another loss or gradient."""
    told = {**options, **other}
    lr = warmup_schedule(state["step"] + 1, d_model=told["d_model"], warmup=told["warmup"])
    return loss, grads, *updated(params, state, grads, told["max_norm"], lr)


def _plus(tree: Any, own: Any) -> Any:
    return rebuild(tree, lambda path, leaf: leaf + own[path])


def _times(tree: Any, factor: float) -> Any:
    return rebuild(tree, lambda _, leaf: leaf * leaf.dtype.type(factor))


def agrees_with_the_spec(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """The mean is taken over all tokens, those of the padding too."""
    loss, grads, *_ = training_step(params, state, batch, **options)
    share = float(np.mean(batch["target_out"] != IGNORED))
    return _from(_times(grads, share), loss * loss.dtype.type(share), params, state, options)


def the_gradient_is_that_of_the_whole_loss(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """The gradient of a loss that is not smoothed."""
    loss, *_ = training_step(params, state, batch, **options)
    _, grads, *_ = training_step(params, state, batch, **{**options, "label_smoothing": 0.0})
    doubled = _times(grads, 1.0 if options["label_smoothing"] else 2.0)
    return _from(doubled, loss, params, state, options)


def clips_its_own_gradient(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """Clipped to another length than the one asked for."""
    loss, grads, *_ = training_step(params, state, batch, **options)
    return _from(grads, loss, params, state, options, max_norm=options["max_norm"] / 2)


def adam_steps_by_what_was_clipped(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """The schedule is taken at the number of finished updates: one step late."""
    loss, grads, *_ = training_step(params, state, batch, **options)
    lr = warmup_schedule(max(state["step"], 1), d_model=options["d_model"], warmup=options["warmup"])
    late = lr if state["step"] else 0.0
    return loss, grads, *updated(params, state, grads, options["max_norm"], late)


def the_padding_moves_nothing(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """The mask of the source is not handed on."""
    return training_step(params, state, {**batch, "source_mask": None}, **options)


def keeping_everything_changes_nothing(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """Where there are masks, the rate is that of the paper."""
    return training_step(params, state, batch, **{**options, "rate": 0.1})


def micro_batches_by_their_tokens_are_the_whole_batch(params: Any, state: Any, batch: Any, **options: Any) -> Five:
    """The mean of each example's mean."""
    if batch["target_out"].ndim == 1:
        return training_step(params, state, batch, **options)
    steps = []
    for b in range(len(batch["target_out"])):
        own = {name: array[b : b + 1] for name, array in batch.items()}
        told = {**options}
        if told.get("keep") is not None:
            told["keep"] = rebuild(told["keep"], lambda _, mask, b=b: mask[b : b + 1])
        steps.append(training_step(params, state, own, **told))
    loss = sum(step[0] for step in steps) / steps[0][0].dtype.type(len(steps))
    total = steps[0][1]
    for step in steps[1:]:
        total = _plus(total, dict(leaves(step[1])))
    return _from(_times(total, 1 / len(steps)), loss, params, state, options)
