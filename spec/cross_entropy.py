"""cross_entropy: how surprised the model's distribution is by the targets, in nats."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import cross_entropy as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.log_softmax import log_weights
from veriformer.spec.numbers import Number, bounded_by, near, number
from veriformer.spec.slip import Part

SMOOTHING = Convention(
    "smoothing",
    ("all_classes", "other_classes"),
    "Szegedy et al. 2016, section 7: a share e of the target is spread evenly over all K classes, the target among them.",
    {
        "all_classes": "torch.nn.functional.cross_entropy, optax.smooth_labels, Keras: e / K each",
        "other_classes": "tensor2tensor, fairseq, flax's WMT example: e / (K - 1) for each class but the target",
    },
    default="all_classes",
)
ALL_IGNORED = Convention(
    "all_ignored",
    ("nan", "zero"),
    "The mean over no target is 0 / 0; nobody's formula says more.",
    {"nan": "torch.nn.functional.cross_entropy", "zero": "sums divided by max(count, 1)"},
)
LOSS_DTYPE = Convention(
    "loss_dtype",
    ("input", "float32"),
    "Our contract: the answer has the dtype of the logits. Where that is a half type, many keep the loss in float32.",
    {"input": "torch.nn.functional.cross_entropy", "float32": "code that casts the logits first: logits.float()"},
    default="input",
)
"""The formula is the same; only the dtype of the answer is another one."""
IMPOSSIBLE_CLASS = Convention(
    "impossible_class",
    ("ignored", "leaks"),
    "The formula has real logits. In the limit a class with a logit of -inf and a share of 0 costs nothing: 0 log 0 = 0 "
    "(Cover & Thomas 2006, section 2.1); in floating-point numbers 0 * inf is nan.",
    {
        "ignored": "optax.safe_softmax_cross_entropy",
        "leaks": "optax.softmax_cross_entropy; torch.nn.functional.cross_entropy with probabilities, not with classes",
    },
)
REDUCTIONS = ("mean", "sum", "none")


@Part
@bounded_by(bound.forward, bound.backward)
def surprise(logits: Any, shares: Any, *, even: Any = None, possible: np.ndarray | None = None) -> Any:
    """-sum_k shares_k log softmax(logits)_k, over the last axis, and over the possible classes alone."""
    if possible is None:
        return -(shares * log_weights(logits)).sum(-1)
    nothing = number(0, like=logits)
    log_sum = np.log(np.sum(np.where(possible, np.exp(logits), nothing), -1, keepdims=True))
    return -(shares * np.where(possible, logits - log_sum, nothing)).sum(-1)


@Part
def smoothed(q: Any, e: float, smoothing: str) -> Any:
    """The share e of each target given to all classes, or to all others."""
    if not e:
        return q
    classes, share = q.shape[-1], number(e, like=q)
    if smoothing == "all_classes":
        return (1 - share) * q + share / classes
    require(classes > 1, "one class has no others to give a share to")
    return (1 - share) * q + share * (1 - q) / (classes - 1)


@Part
def weighted(q: Any, weight: Any) -> Any:
    """Each class's share times its weight."""
    return q if weight is None else q * weight


@Part
def denominator(targets: Any, counted: np.ndarray, weight: Any, *, like: Any) -> Any:
    """What the mean divides by: the weights of the counted targets; their number, where there are none."""
    if weight is None or is_floating(targets):
        return number(int(counted.sum()), like=like)
    known = np.where(counted, targets, 0)
    return np.where(counted, weight[known], number(0, like=like)).sum()


@component(
    source="Goodfellow, Bengio & Courville 2016, equation 3.51; label smoothing: Szegedy et al. 2016, section 7",
    honest=(
        Honest(
            "log-softmax by shift and log-sum-exp, then the target's entry", "Blanchard, Higham & Higham 2021; PyTorch"
        ),
        Honest("logsumexp(x) - x_t; online over tiles of classes", "flash-attention's and Liger's kernels"),
        Honest("smoothing as a mixture of two losses, or in the target", "PyTorch, fairseq; optax.smooth_labels"),
        Honest("the gradient as softmax - target, or by the derivatives of these", "any"),
    ),
    conventions=(SMOOTHING, ALL_IGNORED, LOSS_DTYPE, IMPOSSIBLE_CLASS),
)
def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: Any = None,
    reduction: str = "mean",
    smoothing: str = "all_classes",
    all_ignored: str = "nan",
    loss_dtype: str = "input",
    impossible_class: str = "ignored",
) -> Any:
    """cross_entropy(x, t) = -sum_k w_k q_k log softmax(x)_k for each position, q = (1 - e) t + e / K.

    logits (..., K): any real numbers; -inf for a class that is impossible, whose share must be 0. targets: integers (...)
    in 0 ... K - 1, which stand for one-hot t, or probabilities (..., K). label_smoothing: e. ignore_index: positions with
    this integer target are not counted, whatever their logits are. weight (K): w, of each class, 1 if not given.
    reduction: "none" answers (...), 0 where a position is ignored; "sum" adds them up; "mean" divides the sum by the weights
    w_t of the counted targets, and for probabilities by the number of positions.
    Corners: K = 1 gives 0. An impossible class: convention `impossible_class`. log(softmax) underflows where its logarithm
    does not: no number may be added to it.
    Raises ValueError for a target outside the classes or on an impossible one, shapes that do not fit, label_smoothing
    outside [0, 1], another reduction, or ignore_index with probabilities.
    """
    classes = logits.shape[-1]
    require(reduction in REDUCTIONS, f"reduction {reduction!r}: one of {', '.join(REDUCTIONS)}")
    require(0 <= label_smoothing <= 1, f"label_smoothing {label_smoothing}: a share lies between 0 and 1")
    require(weight is None or weight.shape == (classes,), f"there must be one weight for each of {classes} classes")
    q, counted = one_hot(targets, classes, ignore_index, like=logits)
    require(q.shape == logits.shape, f"targets of shape {targets.shape} do not fit logits of shape {logits.shape}")
    shares = weighted(smoothed(q, label_smoothing, smoothing), weight)
    even = weighted(number(np.ones(classes), like=logits), weight) if label_smoothing else None
    loss = loss_of_each(logits, shares, even, leaks=impossible_class == "leaks")
    losses = np.where(counted, loss, number(0, like=logits))
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if not counted.any():
        return number(0, like=logits) / number(0 if all_ignored == "nan" else 1, like=logits)
    return losses.sum() / denominator(targets, counted, weight, like=logits)


def loss_of_each(logits: Any, shares: Any, even: Any, *, leaks: bool) -> Any:
    """The surprise of every position; where a class is impossible, without it, or not a number where 0 * inf leaks."""
    possible = ~np.isneginf(near(logits).astype(np.float64))
    if possible.all():
        return surprise(logits, shares, even=even)
    require(bool(possible.any(-1).all()), "all classes are impossible")
    require(not near(shares)[~possible].astype(bool).any(), "an impossible class has a share: the loss is infinite")
    nothing = number(0, like=logits)
    losses = surprise(np.where(possible, logits, nothing), shares, possible=possible)
    return np.where(possible.all(-1), losses, nothing / nothing) if leaks else losses


def one_hot(targets: Any, classes: int, ignore_index: int | None, *, like: Any) -> tuple[Any, np.ndarray]:
    """The targets as probabilities, and which positions count."""
    if is_floating(targets):
        require(ignore_index is None, "ignore_index is for integer targets; a probability has no such value")
        return targets, np.ones(targets.shape[:-1], bool)
    targets = np.asarray(targets)
    counted = np.ones(targets.shape, bool) if ignore_index is None else np.asarray(targets != ignore_index)
    inside = (targets >= 0) & (targets < classes)
    require(
        bool((inside | ~counted).all()), f"targets must be classes, 0 to {classes - 1}, or ignore_index {ignore_index}"
    )
    chosen = (np.arange(classes) == targets[..., None]) & counted[..., None]
    return number(chosen.astype(int), like=like), counted


def is_floating(targets: Any) -> bool:
    """Probabilities, not classes."""
    return isinstance(targets, Number) or np.asarray(targets).dtype.kind == "f"


@smoothed.slip("no label smoothing")
def not_smoothed(q: Any, e: float, smoothing: str) -> Any:
    return q


@smoothed.slip("a share of the loss added for all classes, none taken from the target: t + e / K")
def smoothing_added(q: Any, e: float, smoothing: str) -> Any:
    return q + number(e, like=q) / q.shape[-1]


@weighted.slip("no weights")
def not_weighted(q: Any, weight: Any) -> Any:
    return q


@denominator.slip("a mean over all positions, ignored ones too")
def over_all_positions(targets: Any, counted: np.ndarray, weight: Any, *, like: Any) -> Any:
    return denominator(targets, np.ones_like(counted), None, like=like)


@denominator.slip("a mean over the number of counted positions, not over their weights")
def over_the_number(targets: Any, counted: np.ndarray, weight: Any, *, like: Any) -> Any:
    return denominator(targets, counted, None, like=like)


@cross_entropy.slip("the weight of the target for all of its loss, smoothed terms too")
def weighted_by_target(
    logits: Any, targets: Any, *, weight: Any = None, reduction: str = "mean", **options: Any
) -> Any:
    if weight is None or is_floating(targets):
        return cross_entropy(logits, targets, weight=weight, reduction=reduction, **options)
    losses = cross_entropy(logits, targets, reduction="none", **options)
    _, counted = one_hot(targets, logits.shape[-1], options.get("ignore_index"), like=logits)
    losses = losses * weight[np.where(counted, targets, 0)]
    if reduction == "none":
        return losses
    return losses.sum() / denominator(targets, counted, weight, like=logits) if reduction == "mean" else losses.sum()


@cross_entropy.slip("the sum of the losses where their mean is wanted")
def summed(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
    return cross_entropy(logits, targets, reduction="none" if reduction == "none" else "sum", **options)
