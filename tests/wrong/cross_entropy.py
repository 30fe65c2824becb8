"""Wrong cross-entropies: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.cross_entropy import cross_entropy, cross_entropy_vjp
from veriformer.impls.numpy.softmax import softmax

Array = np.ndarray


def agrees_with_the_spec(logits: Array, targets: Array, **options: Any) -> Array:
    """The logarithm of the softmax, with a small number against the logarithm of 0."""
    return cross_entropy(np.log(softmax(logits) + logits.dtype.type(1e-9)), targets, **options)


def gradients_agree_with_the_spec_vjp(cotangent: Array, logits: Array, targets: Array, **options: Any) -> Any:
    """The gradient of the mean is not divided by the count."""
    reduction = options.get("reduction", "mean")
    options["reduction"] = "sum" if reduction == "mean" else reduction
    return cross_entropy_vjp(cotangent, logits, targets, **options)


def is_not_negative(logits: Array, targets: Array, **options: Any) -> Array:
    """The sign is forgotten."""
    return -cross_entropy(logits, targets, **options)


def equal_logits_cost_log_k(logits: Array, targets: Array, **options: Any) -> Array:
    """In bits, not in nats."""
    return (cross_entropy(logits, targets, **options) / np.log(2)).astype(logits.dtype)


def ignores_a_shift(logits: Array, targets: Array, **options: Any) -> Array:
    """The squared logarithm of the partition sum is added, as a z-loss."""
    top = np.max(logits)
    z = np.log(np.sum(np.exp(logits - top))) + top
    return (cross_entropy(logits, targets, **options) + 1e-2 * z * z).astype(logits.dtype)


def ignores_the_order_of_classes(logits: Array, targets: Array, **options: Any) -> Array:
    """Class 0 is taken for padding, and left out of the sum of exponentials."""
    padded = np.concatenate([logits[..., :1] * 0 - 30, logits[..., 1:]], axis=-1)
    return cross_entropy(padded, targets, **options)


def an_ignored_position_moves_nothing(logits: Array, targets: Array, **options: Any) -> Array:
    """The smoothed part of the loss is taken over all positions, ignored ones too."""
    loss = cross_entropy(logits, targets, **options)
    flat = cross_entropy(logits, np.zeros(targets.shape, int), label_smoothing=1.0)
    return (loss + flat / 8).astype(logits.dtype) if options.get("ignore_index") is not None else loss


def is_linear_in_the_smoothing(logits: Array, targets: Array, *, label_smoothing: float = 0.0, **options: Any) -> Array:
    """The share that is spread is squared."""
    return cross_entropy(logits, targets, label_smoothing=label_smoothing**2, **options)


def the_sum_is_that_of_all_positions(
    logits: Array, targets: Array, *, reduction: str = "mean", **options: Any
) -> Array:
    """The sum is the mean of a batch: divided by the number of its first axis."""
    loss = cross_entropy(logits, targets, reduction=reduction, **options)
    return loss / logits.dtype.type(len(logits)) if reduction == "sum" else loss


def the_mean_is_the_sum_over_the_count(
    logits: Array, targets: Array, *, reduction: str = "mean", **options: Any
) -> Array:
    """The mean over all positions, ignored ones too, and whatever their weights."""
    if reduction != "mean":
        return cross_entropy(logits, targets, reduction=reduction, **options)
    return np.mean(cross_entropy(logits, targets, reduction="none", **options))


def each_position_stands_alone(logits: Array, targets: Array, *, reduction: str = "mean", **options: Any) -> Array:
    """Without a reduction the mean comes all the same, for every position."""
    loss = cross_entropy(logits, targets, reduction=reduction, **options)
    return np.full_like(loss, np.mean(loss)) if reduction == "none" else loss


def integer_targets_are_one_hot_probabilities(logits: Array, targets: Array, **options: Any) -> Array:
    """Probabilities are normalised by a softmax, uncalled for."""
    return cross_entropy(logits, softmax(targets) if targets.dtype.kind == "f" else targets, **options)


def the_gradient_is_softmax_minus_target_vjp(cotangent: Array, logits: Array, targets: Array, **options: Any) -> Any:
    """Softmax minus the target before it was smoothed."""
    return cross_entropy_vjp(cotangent, logits, targets, **{**options, "label_smoothing": 0.0})


def the_gradient_sums_to_zero_vjp(cotangent: Array, logits: Array, targets: Array, **options: Any) -> Any:
    """Only the target's logit gets a gradient."""
    d_logits, *others = cross_entropy_vjp(cotangent, logits, targets, **options)
    if targets.dtype.kind == "f":
        return d_logits, *others
    return (np.where(np.arange(logits.shape[-1]) == targets[..., None], d_logits, 0), *others)


def gradients_do_not_care_how_arrays_lie_in_memory_vjp(
    cotangent: Array, logits: Array, targets: Array, **options: Any
) -> Any:
    """Reads the logits from the start of their buffer on."""
    buffer = logits if logits.base is None else logits.base
    return cross_entropy_vjp(cotangent, np.resize(buffer.ravel(order="K"), logits.shape), targets, **options)


def an_impossible_class_is_none(logits: Array, targets: Array, **options: Any) -> Array:
    """0 log 0 is taken as it stands: 0 times minus infinity is nan."""
    loss = cross_entropy(logits, targets, **options)
    return (loss + 0 * np.min(logits)).astype(logits.dtype)


no_share_of_an_impossible_class_costs_nothing = an_impossible_class_is_none


def an_impossible_class_has_no_gradient_vjp(cotangent: Array, logits: Array, targets: Array, **options: Any) -> Any:
    """The difference of the logits is multiplied with the softmax: 0 times minus infinity is nan."""
    first, *others = cross_entropy_vjp(cotangent, logits, targets, **options)
    return ((first + 0 * logits).astype(logits.dtype), *others)
