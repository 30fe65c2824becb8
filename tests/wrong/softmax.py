"""Wrong softmaxes: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.softmax import softmax

Array = np.ndarray


def agrees_with_the_spec(x: Array, *, mask: Array | None = None) -> Array:
    """Online, but the sum so far is not rescaled when a new maximum comes."""
    logits = x if mask is None else np.where(mask, x, -np.inf)
    highest = np.full(x.shape[:-1], -np.inf, x.dtype)
    total = np.zeros(x.shape[:-1], x.dtype)
    for logit in np.moveaxis(logits, -1, 0):
        highest = np.maximum(highest, logit)
        total = total + np.where(logit == -np.inf, 0, np.exp(logit - highest))
    exponentials = np.where(logits == -np.inf, 0, np.exp(logits - highest[..., None]))
    return exponentials / np.where(total == 0, 1, total)[..., None]


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, *, mask: Array | None = None) -> tuple[Array]:
    """Only the diagonal of the Jacobian, p (1 - p), as for a sigmoid."""
    weights = softmax(x, mask=mask)
    return (weights * (1 - weights) * cotangent,)


def rows_sum_to_one(x: Array, *, mask: Array | None = None) -> Array:
    """An epsilon is added to the denominator, against division by zero."""
    return softmax(x, mask=mask) / x.dtype.type(1 + 1e-3)


def masked_weights_are_zero(x: Array, *, mask: Array | None = None) -> Array:
    """A large negative number stands in for minus infinity: it shows in rows that lie beneath it."""
    return softmax(x if mask is None else np.where(mask, x, x.dtype.type(-1e4)))


def ignores_a_shift(x: Array, *, mask: Array | None = None) -> Array:
    """The maximum is not subtracted: exp overflows."""
    exponentials = np.exp(x) if mask is None else np.where(mask, np.exp(x), 0)
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def is_permutation_equivariant(x: Array, *, mask: Array | None = None) -> Array:
    """The loop over the sum ends one too early: the last entry is left out of it."""
    weights = softmax(x, mask=mask)
    rest = np.sum(weights[..., :-1], axis=-1, keepdims=True)
    return weights / np.where(rest == 0, 1, rest)


def keeps_the_order(x: Array, *, mask: Array | None = None) -> Array:
    """A sign too many: the smallest logit gets the largest weight."""
    return softmax(-x, mask=mask)


def an_infinite_logit_has_no_softmax(x: Array, *, mask: Array | None = None) -> Array:
    """Infinite logits share the weight, as in some libraries of statistics."""
    infinite = np.isposinf(x)
    shared = infinite / np.maximum(infinite.sum(-1, keepdims=True), 1)
    finite = softmax(np.where(infinite, 0, x).astype(x.dtype), mask=mask)
    return np.where(infinite.any(-1, keepdims=True), shared, finite).astype(x.dtype)
