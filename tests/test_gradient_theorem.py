"""A theorem of the spec: scaled by 1 / sqrt(d_k), the gradient of attention does not vanish as the keys grow wide.

Eight keys, one query, values of width 8; queries, keys, values and cotangent standard normal. Over 256 draws the median of
|dq| at d_k = 1024 is at least half of that at d_k = 4. Without the scale the weights saturate, and it is less than a
fiftieth. It is the *median*: rare near-ties between the two best keys keep the mean (.53 at d_k = 4, 1.08 at 1024) and the
root of the mean square (.66, 3.74) from vanishing, 20,000 draws each. So it is said of the formula, over certified numbers,
and never of an implementation.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from veriformer.spec import COMPONENTS
from veriformer.spec.numbers import Ball, Tape, pull_back, working_precision

BITS = 256
DRAWS = 256
SEED = 17060376
KEYS, WIDTH_V = 8, 8


@functools.cache
def certified_gradients(d_k: int, scaled: bool) -> Ball:
    """|dq|^2 of all draws, each one a batch entry: (DRAWS,)."""
    rng = np.random.default_rng([SEED, d_k])
    shapes = ((DRAWS, 1, d_k), (DRAWS, KEYS, d_k), (DRAWS, KEYS, WIDTH_V), (DRAWS, 1, WIDTH_V))
    q, k, v, cotangent = (Ball.given(rng.standard_normal(shape)) for shape in shapes)
    with working_precision(BITS):
        query = Tape(q)
        output = COMPONENTS["attention"](query, k, v, **({} if scaled else {"scale": 1.0}))
        (gradient,) = pull_back(output, cotangent, [query])
        return (gradient * gradient).sum(-1)[:, 0]


def median(d_k: int, *, scaled: bool) -> float:
    """The median over the draws of |dq|; the middles of the balls, which are narrower than any digit of it."""
    return float(np.median(np.sqrt(certified_gradients(d_k, scaled).centres())))


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("d_k", [4, 1024])
def test_every_gradient_is_certified(d_k: int, scaled: bool) -> None:
    squares = certified_gradients(d_k, scaled)
    assert squares.finite().all()
    assert (squares.radii() <= squares.centres() / 1024).all()


def test_with_the_scale_the_median_does_not_vanish() -> None:
    assert median(1024, scaled=True) >= median(4, scaled=True) / 2


def test_without_the_scale_the_median_vanishes() -> None:
    assert median(1024, scaled=False) < median(4, scaled=False) / 50


def test_without_the_scale_the_mean_does_not_vanish() -> None:
    """Why the theorem speaks of the median."""
    means = [float(np.mean(np.sqrt(certified_gradients(d_k, False).centres()))) for d_k in (4, 1024)]
    assert means[1] >= means[0] / 2
