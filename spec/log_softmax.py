"""log_softmax: the logarithms of weights that are positive and sum to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import log_softmax as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import bounded_by, shifted
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.forward, bound.backward)
def log_weights(x: Any) -> Any:
    """x - log sum exp(x), over the last axis; of x less any number of its row it is the same."""
    x = shifted(x)
    return x - np.log(np.sum(np.exp(x), -1, keepdims=True))


@component(
    source="Bridle 1990; Blanchard, Higham & Higham 2021, section 1",
    honest=(
        Honest("x - max - log sum exp(x - max)", "torch.log_softmax, jax.nn.log_softmax"),
        Honest("x - logsumexp(x), logsumexp = max + log sum exp(x - max)", "Blanchard, Higham & Higham 2021"),
        Honest("online: running maximum and rescaled sums", "Milakov & Gimelshein 2018"),
    ),
)
def log_softmax(x: Any) -> Any:
    """log_softmax(x)_i = log(exp(x_i) / sum_j exp(x_j)) = x_i - log sum_j exp(x_j), over the last axis.

    x (..., n): logits, any real numbers.
    Corners: n = 1 gives 0. It is finite where the softmax itself underflows. A logit of minus infinity is
    answered with minus infinity, and is nothing to the others; nan makes all of its row nan.
    Raises ValueError for a scalar.
    """
    require(x.ndim >= 1, "log_softmax needs at least one axis, along which the weights sum to one")
    return log_weights(x)


@log_weights.slip("the softmax over the axis before the last")
def log_over_the_wrong_axis(x: Any) -> Any:
    return transposed(log_weights(transposed(x))) if x.ndim > 1 else log_weights(x)


@log_weights.slip("the logarithm of the sum left out: x - max")
def not_normalised(x: Any) -> Any:
    top = x[..., :1]
    for i in range(1, x.shape[-1]):
        top = np.maximum(top, x[..., i : i + 1])
    return x - top
