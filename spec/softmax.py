"""softmax: weights that are positive, sum to one, and grow with their logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import softmax as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.log_softmax import log_weights
from veriformer.spec.numbers import bounded_by, number, shifted
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part
from veriformer.spec.visibility import BEHIND_MASK, FULLY_MASKED


@Part
@bounded_by(bound.forward, bound.backward)
def weights(x: Any, *, mask: Any = None, fully_masked: str = "zero", behind_mask: str = "ignored") -> Any:
    """exp(x) / sum exp(x) over the allowed entries of the last axis, 0 elsewhere; of x less any number it is the same,
    and `shifted` makes use of that where it helps."""
    if mask is None:
        e = np.exp(shifted(x))
        return e / np.sum(e, -1, keepdims=True)
    mask = np.broadcast_to(mask, x.shape)
    x = shifted(x, mask)
    e = np.exp(x)
    empty = ~mask.any(-1, keepdims=True)
    e = np.where(mask, e, number(0, like=x) if behind_mask == "ignored" else 0 * e)  # 0 * nan is nan
    match fully_masked:
        case "uniform_over_all_keys":
            e = np.where(empty, number(1, like=x), e)
        case "unmasked":
            e = np.where(empty, np.exp(x), e)
        case "zero":
            return e / (np.sum(e, -1, keepdims=True) + empty.astype(int))
    return e / np.sum(e, -1, keepdims=True)


@component(
    source="Vaswani et al. 2017, section 3.2.1; Bridle 1990",
    honest=(
        Honest("exp(x - max) / sum", "Blanchard, Higham & Higham 2021, algorithm 3.2"),
        Honest("exp(x) / sum where it does not overflow", "the formula itself"),
        Honest("online: running maximum and rescaled sums, tiles of any size", "Milakov & Gimelshein 2018"),
        Honest("product with the reciprocal of the sum", "any vectorised library"),
        Honest(
            "exp(x - max - log sum exp(x - max)); exp2 of the shifted logits times log2(e)",
            "Blanchard, Higham & Higham 2021; GPU kernels",
        ),
    ),
    conventions=(FULLY_MASKED, BEHIND_MASK),
    scale=lambda x, **_: 1.0,
)
def softmax(x: Any, *, mask: Any = None, fully_masked: str = "zero", behind_mask: str = "ignored") -> Any:
    """softmax(x)_i = exp(x_i) / sum_j exp(x_j), over the last axis, j over the allowed entries.

    x (..., n): logits, any real numbers. mask (..., n), boolean: True = allowed; a masked entry is removed: its weight is
    0 and its logit is not in the sum.
    Corners: n = 1 gives 1. A row with no allowed entry is 0 / 0: convention `fully_masked`. A masked logit that is nan or
    infinite: convention `behind_mask`. A logit of minus infinity has the weight 0, as if it were masked (a row of nothing
    else is 0 / 0); one of infinity, inf / inf, has none: nan there, 0 or nan beside it. nan makes all of its row nan.
    Raises ValueError for a scalar.
    """
    require(x.ndim >= 1, "softmax needs at least one axis, along which the weights sum to one")
    return weights(x, mask=mask, fully_masked=fully_masked, behind_mask=behind_mask)


@weights.slip("the softmax over the axis before the last")
def over_the_wrong_axis(x: Any, *, mask: Any = None, **options: Any) -> Any:
    if x.ndim < 2:
        return weights(x, mask=mask, **options)
    turned = None if mask is None else transposed(np.broadcast_to(mask, x.shape))
    return transposed(weights(transposed(x), mask=turned, **options))


@weights.slip("exp(x - logsumexp(x)), where the logarithm is rounded away beside a large maximum", algorithm=True)
def by_logsumexp(x: Any, *, mask: Any = None, **options: Any) -> Any:
    """Equal to the formula, and no honest algorithm: max + log n is max from 1e9 in float32, and the weights are n times too
    large. exp(x - max - log sum) is honest."""
    return np.exp(log_weights(x)) if mask is None else weights(x, mask=mask, **options)


@weights.slip("the mask multiplied to the logits")
def mask_multiplied(x: Any, *, mask: Any = None, **options: Any) -> Any:
    return weights(x if mask is None else x * np.broadcast_to(mask, x.shape).astype(int), **options)


@weights.slip("the mask applied after the softmax")
def mask_after(x: Any, *, mask: Any = None, **options: Any) -> Any:
    return weights(x, **options) if mask is None else hidden(weights(x, **options), mask)


@softmax.slip("the mask the other way round, True = hidden")
def mask_inverted(x: Any, *, mask: Any = None, **options: Any) -> Any:
    return softmax(x, mask=None if mask is None else ~np.asarray(mask), **options)


def hidden(p: Any, mask: Any) -> Any:
    """0 where the mask is False."""
    return np.where(np.broadcast_to(mask, p.shape), p, number(0, like=p))
