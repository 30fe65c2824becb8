"""Cross-entropy in JAX."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from veriformer.impls import domain
from veriformer.impls.jax.log_softmax import log_softmax


def cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: jax.Array | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """-sum_k w_k q_k log softmax(logits)_k for each position, with q = (1 - e) t + e / K.

    logits (..., K). targets: classes (...) as integers, or probabilities (..., K). e: label_smoothing. w: weight (K,).
    reduction "none" -> (...), with 0 at ignored positions; "sum"; "mean", over the weights of the counted targets (of
    probabilities: over the positions). The mean over nothing is 0.

    A target that is no class raises; where targets are traced nobody can look at them, and the loss is NaN.
    """
    probable = jnp.issubdtype(targets.dtype, jnp.floating)
    domain.cross_entropy(
        logits,
        targets,
        probable=probable,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        weight=weight,
        reduction=reduction,
    )
    if not probable and not isinstance(targets, jax.core.Tracer):
        given = np.asarray(targets)  # looked at on the host: nothing to compile for a check
        outside = (given < 0) | (given >= logits.shape[-1])
        outside = outside if ignore_index is None else outside & (given != ignore_index)
        domain.classes(outside, logits.shape[-1], ignore_index)
    smoothing = label_smoothing or None  # no smoothing is no term: 0 times an infinite mean would be NaN
    return _cross_entropy(logits, targets, weight, smoothing, ignore_index, reduction, probable)


@functools.partial(jax.jit, static_argnames=("reduction", "probable"))
def _cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    weight: jax.Array | None,
    smoothing: jax.Array | None,
    ignore_index: jax.Array | None,
    reduction: str,
    probable: bool,
) -> jax.Array:
    log_p = log_softmax(logits)
    surprise = -log_p if weight is None else -log_p * weight  # (..., K)
    if probable:
        impossible = (targets == 0) & jnp.isinf(surprise)  # no share of a class of logit -inf is 0, not nan
        own = jnp.sum(targets * jnp.where(impossible, 0.0, surprise), axis=-1)
        counted, share = jnp.ones(own.shape, bool), jnp.ones_like(own)
    else:
        counted = jnp.ones(targets.shape, bool) if ignore_index is None else targets != ignore_index
        known = jnp.where(counted, targets, 0).astype(jnp.int32)
        known = jnp.where(known < 0, logits.shape[-1], known)  # -1 is no class either: NaN, as beyond the last
        own = jnp.take_along_axis(surprise, known[..., None], axis=-1, mode="fill")[..., 0]
        share = jnp.ones_like(own) if weight is None else weight[known]
    if smoothing is not None:
        own = (1.0 - smoothing) * own + smoothing * jnp.mean(surprise, axis=-1)
    losses = jnp.where(counted, own, 0.0)
    if reduction != "mean":
        return losses if reduction == "none" else jnp.sum(losses)
    total = jnp.sum(jnp.where(counted, share, 0.0))
    return jnp.sum(losses) / jnp.where(total == 0.0, 1.0, total)
