"""Bugs of the cross-entropy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

from tests.bugs.bug import DECLARED, Bug
from veriformer.impls.numpy.cross_entropy import cross_entropy, cross_entropy_vjp
from veriformer.impls.numpy.log_softmax import log_softmax

Array = np.ndarray
Tensor = torch.Tensor


def classes_alone(targets: Tensor) -> None:
    """Probabilities are declined."""
    if targets.is_floating_point():
        raise NotImplementedError("targets are classes")


CE01 = Bug(
    "CE01",
    "cross_entropy",
    "https://github.com/pytorch/pytorch/issues/73205",
    "The evenly spread part of the smoothed loss counts ignored positions too.",
)


@CE01.in_torch(all_ignored="nan")
def smooths_what_is_ignored(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    classes_alone(targets)
    log_p = F.log_softmax(logits, dim=-1)
    flat = (log_p.reshape(-1, log_p.shape[-1]), targets.reshape(-1))
    nll = F.nll_loss(*flat, ignore_index=ignore_index, reduction=reduction)
    smooth = -log_p.mean(dim=-1).reshape(-1)
    if reduction != "none":
        smooth = smooth.mean() if reduction == "mean" else smooth.sum()
    loss = (1 - label_smoothing) * nll + label_smoothing * smooth
    return loss.reshape(targets.shape) if reduction == "none" else loss


CE06 = Bug(
    "CE06",
    "cross_entropy",
    "https://github.com/linkedin/Liger-Kernel/issues/968",
    'The backward pass of reduction="none" multiplies every row by one number, the first of what flows back.',
)
CE06.in_numpy(all_ignored="zero")(cross_entropy)


@CE06.vjp
def one_cotangent_for_all(cotangent: Array, logits: Array, targets: Array, **options: Any) -> tuple[Array, ...]:
    return cross_entropy_vjp(np.full_like(cotangent, cotangent.flat[0]), logits, targets, **options)


CE07 = Bug(
    "CE07",
    "cross_entropy",
    "https://github.com/google-deepmind/optax/issues/896",
    "A class with a logit of -inf and a label of 0 costs 0 * inf, which is nan.",
    DECLARED,
    "optax.safe_softmax_cross_entropy, which came of it, documents 0 log 0 = 0; plain softmax_cross_entropy answers nan, "
    "as torch does.",
)


@CE07.in_numpy(impossible_class="ignored")
def zero_times_infinity(logits: Array, targets: Array) -> Array:
    labels = targets if targets.dtype.kind == "f" else np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    return -(labels * log_softmax(logits)).sum(-1).mean()


CE08 = Bug(
    "CE08",
    "cross_entropy",
    "https://github.com/google-deepmind/optax/pull/1762",
    "The loss is guarded against 0 * inf, its derivative is not: forwards, a tangent of 0 times -inf is nan.",
    DECLARED,
    "optax.safe_softmax_cross_entropy documents 0 log 0 = 0; the thread takes its gradient by jax.jacfwd.",
)


def probabilities(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """The targets, or 1 for their class."""
    integer = jnp.issubdtype(targets.dtype, jnp.integer)
    return jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype) if integer else targets


@jax.custom_jvp
def weighted_log_softmax(logits: jax.Array, weights: jax.Array) -> jax.Array:
    """weights * log_softmax(logits), 0 where the weight is."""
    return jnp.where(weights != 0, weights * jax.nn.log_softmax(logits), 0)


@weighted_log_softmax.defjvp
def unguarded_tangent(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """The tangent of the logits is guarded too, that of the weights is not."""
    (logits, weights), (d_logits, d_weights) = primals, tangents
    log_p, d_log_p = jax.jvp(jax.nn.log_softmax, (logits,), (d_logits,))
    return weighted_log_softmax(logits, weights), jnp.where(weights != 0, weights * d_log_p, 0) + d_weights * log_p


@CE08.in_jax(impossible_class="ignored", only={"rank": (2,), "classes": (4, 5)})
def guarded(logits: jax.Array, targets: jax.Array) -> jax.Array:
    return -weighted_log_softmax(logits, probabilities(logits, targets)).sum(-1).mean()


@CE08.vjp
def by_forward_mode(cotangent: jax.Array, logits: jax.Array, targets: jax.Array) -> tuple[jax.Array, ...]:
    floating = (0, 1) if jnp.issubdtype(targets.dtype, jnp.floating) else (0,)
    return tuple(cotangent * slope for slope in jax.jacfwd(guarded, argnums=floating)(logits, targets))


CE11 = Bug(
    "CE11",
    "cross_entropy",
    "https://github.com/linkedin/Liger-Kernel/issues/243",
    "The fused loss takes label_smoothing and does not pass it on.",
)


@CE11.in_torch(all_ignored="nan")
def not_passed_on(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    classes_alone(targets)
    flat = (logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
    loss = F.cross_entropy(*flat, ignore_index=ignore_index, reduction=reduction)
    return loss.reshape(targets.shape) if reduction == "none" else loss


CE13 = Bug(
    "CE13",
    "cross_entropy",
    "https://github.com/unslothai/unsloth/issues/5002",
    "The backward pass writes the gradient over the logits, which others may need.",
)


class InPlace(torch.autograd.Function):
    """The mean cross-entropy, its gradient stored where the logits were."""

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor) -> Tensor:
        context.save_for_backward(logits, targets)
        return F.cross_entropy(logits, targets)

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        logits, targets = context.saved_tensors
        gradient = F.softmax(logits, dim=-1) - F.one_hot(targets, logits.shape[-1])
        logits.data.copy_(gradient * (upstream[0] / targets.numel()))
        return logits.data, None


@CE13.in_torch()
def overwritten_logits(logits: Tensor, targets: Tensor) -> Tensor:
    classes_alone(targets)
    return InPlace.apply(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


BUGS = (CE01, CE06, CE07, CE08, CE11, CE13)
