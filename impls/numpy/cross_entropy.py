"""Cross-entropy, and its gradient, in NumPy."""

from __future__ import annotations

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.log_softmax import log_softmax


def cross_entropy(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: np.ndarray | None = None,
    reduction: str = "mean",
) -> np.ndarray:
    """-sum_k w_k q_k log softmax(logits)_k for each position, with q = (1 - e) t + e / K.

    logits (..., K). targets: classes (...) as integers, or probabilities (..., K). e: label_smoothing. w: weight (K,).
    reduction "none" -> (...), with 0 at ignored positions; "sum"; "mean", over the weights of the counted targets (of
    probabilities: over the positions). The mean over nothing is 0.
    """
    shares, counted, total = terms(logits, targets, label_smoothing, ignore_index, weight, reduction)
    surprise = np.where(
        shares == 0, 0.0, -shares * log_softmax(logits)
    )  # no share of a class of logit -inf is 0, not nan
    losses = np.where(counted, np.sum(surprise, axis=-1), 0.0)
    return losses if reduction == "none" else np.sum(losses) / total


def terms(
    logits: np.ndarray,
    targets: np.ndarray,
    label_smoothing: float,
    ignore_index: int | None,
    weight: np.ndarray | None,
    reduction: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
    """What multiplies -log softmax, w_k q_k (..., K); which positions count (...); and what their sum is divided by."""
    probable = targets.dtype.kind == "f"
    domain.cross_entropy(
        logits,
        targets,
        probable=probable,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )
    n_classes = logits.shape[-1]
    weight = np.ones(n_classes, logits.dtype) if weight is None else weight
    counted = np.ones(logits.shape[:-1], dtype=bool)
    if probable:
        probabilities, total = targets, logits.dtype.type(counted.sum())
    else:
        counted = counted if ignore_index is None else targets != ignore_index
        domain.classes(((targets < 0) | (targets >= n_classes)) & counted, n_classes, ignore_index)
        probabilities = (np.arange(n_classes) == targets[..., np.newaxis]).astype(logits.dtype)
        total = np.sum(np.where(counted, weight[np.where(counted, targets, 0)], 0.0))
    shares = weight * ((1.0 - label_smoothing) * probabilities + label_smoothing / n_classes)
    return shares, counted, total if reduction == "mean" and total != 0 else 1.0


def cross_entropy_vjp(
    cotangent: np.ndarray,
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: np.ndarray | None = None,
    reduction: str = "mean",
) -> tuple[np.ndarray, ...]:
    """The gradients for the logits, and for the targets if they are probabilities.

    With a_k = w_k q_k, A = sum_k a_k, p = softmax(x) and l = -sum_k a_k log p_k:

        d log p_k / d x_j = [k = j] - p_j      so   d l / d x_j = p_j A - a_j
        d l / d t_k = -(1 - e) w_k log p_k

    Softmax minus target, where there is neither weight nor smoothing. g reaches each counted position, divided as its loss.
    """
    shares, counted, total = terms(logits, targets, label_smoothing, ignore_index, weight, reduction)
    log_p = log_softmax(logits)
    g = np.where(counted, cotangent / total, 0.0)[..., np.newaxis]
    d_logits = g * (np.exp(log_p) * np.sum(shares, axis=-1, keepdims=True) - shares)
    if targets.dtype.kind != "f":
        return (d_logits,)
    weight = np.ones(logits.shape[-1], logits.dtype) if weight is None else weight
    return d_logits, -g * (1.0 - label_smoothing) * weight * log_p
