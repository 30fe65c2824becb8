"""Bugs of the feed-forward network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.bugs.bug import Bug
from veriformer.impls.numpy.feed_forward import feed_forward, feed_forward_vjp

Array = np.ndarray

FF12 = Bug(
    "FF12",
    "feed_forward",
    "https://github.com/ooples/AiDotNet.Tensors/issues/234",
    "The gradient of a bias is summed over axis 0 alone.",
)
FF12.in_numpy()(feed_forward)


@FF12.vjp
def over_the_first_axis(
    cotangent: Array, x: Array, params: Mapping[str, Array], *, activation: str = "relu"
) -> tuple[Array, dict[str, Array]]:
    d_x, d_params = feed_forward_vjp(cotangent, x, params, activation=activation)
    return d_x, {**d_params, "b_2": cotangent.sum(0)}


BUGS = (FF12,)
