"""Cross-entropy in PyTorch."""

from __future__ import annotations

import torch

from veriformer.impls import domain
from veriformer.impls.torch.log_softmax import log_softmax


def cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    """-sum_k w_k q_k log softmax(logits)_k for each position, with q = (1 - e) t + e / K.

    logits (..., K). targets: classes (...) as integers, or probabilities (..., K). e: label_smoothing. w: weight (K,).
    reduction "none" -> (...), with 0 at ignored positions; "sum"; "mean", over the weights of the counted targets (of
    probabilities: over the positions). The mean over nothing is 0.

    The target's logarithm is picked, and mixed with the mean of all of them: no one-hot tensor is made.
    """
    probable = targets.is_floating_point()
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
    log_p = log_softmax(logits)
    surprise = -log_p if weight is None else -log_p * weight  # (..., K)
    if probable:
        impossible = (targets == 0) & torch.isinf(surprise)  # no share of a class of logit -inf is 0, not nan
        own = torch.sum(targets * torch.where(impossible, 0.0, surprise), dim=-1)
        counted = torch.ones_like(own, dtype=torch.bool)
        share = torch.ones_like(own)
    else:
        counted = torch.ones_like(targets, dtype=torch.bool) if ignore_index is None else targets != ignore_index
        domain.classes(((targets < 0) | (targets >= n_classes)) & counted, n_classes, ignore_index)
        known = torch.where(counted, targets, 0).long()
        own = torch.gather(surprise, -1, known[..., None])[..., 0]
        share = torch.ones_like(own) if weight is None else weight[known]
    if label_smoothing:
        own = (1.0 - label_smoothing) * own + label_smoothing * torch.mean(surprise, dim=-1)
    losses = torch.where(counted, own, 0.0)
    if reduction != "mean":
        return losses if reduction == "none" else torch.sum(losses)
    total = torch.sum(torch.where(counted, share, 0.0))
    return torch.sum(losses) / torch.where(total == 0.0, 1.0, total)
