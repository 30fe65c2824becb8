"""Bounded numbers enclose the certified truth, and each lemma bounds the formula that it stands for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.power import enclosure
from veriformer.properties.probes import KINDS
from veriformer.spec import COMPONENTS, attention, layer_norm, softmax
from veriformer.spec.bounds import attention as attention_lemma
from veriformer.spec.bounds import layer_norm as layer_norm_lemma
from veriformer.spec.bounds import softmax as softmax_lemma
from veriformer.spec.numbers import Ball, Bounded, Tape, number, pull_back, working_precision
from veriformer.spec.numbers.precision import OUTWARD, precision_of

BITS = 512
FLOAT64, FLOAT32 = precision_of("float64"), precision_of("float32")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_bounded_number_encloses_the_truth(component: str, kind: str) -> None:
    """Forward and backward, in float64, where the value carried along is one of the honest computations."""
    for where, truth in enclosure.truths(component, [kind], enclosure.rows_of(component, quick=True), (0,)):
        assert (enclosure.shares_used(truth)[1] <= 1).all(), where
        assert not enclosure.excluded_by_floats(truth)[1].any(), where


def arrays(*shapes: tuple[int, ...], seed: int = 0, size: float = 1.0) -> list[np.ndarray]:
    """float32 numbers, as float64."""
    rng = np.random.default_rng(seed)
    return [(size * rng.standard_normal(shape)).astype(np.float32).astype(np.float64) for shape in shapes]


def balls(*values: np.ndarray) -> list[Ball]:
    return [Ball.given(value) for value in values]


def bounded(*values: np.ndarray, precision: Any = FLOAT32) -> list[Bounded]:
    return [Bounded.given(value, precision) for value in values]


def stands_for(lemma: Callable[..., Any], formula: Callable[[], Ball]) -> None:
    """The lemma's value is within its error of the formula's ball, and as near to it as float64 brings it.

    lemma: precision -> what the lemma says. The value is computed in float64 under any precision: the error that the
    lemma allows float64 is what may lie between it and the truth.
    """
    with working_precision(BITS):
        truth = formula()
    sharp, wide = lemma(FLOAT64), lemma(FLOAT32)
    distances = truth.distances(wide.value)
    assert np.isfinite(wide.error).all()
    assert (distances <= wide.error).all()
    assert (distances <= sharp.error * OUTWARD).all()
    assert (sharp.error <= wide.error).all()


def agree(one: Ball, other: Ball) -> None:
    """Two computations that are equal in exact arithmetic: their balls meet, and both are narrow."""
    difference = (one - other).balls
    assert all(ball.contains(0) for ball in np.ravel(difference))
    scale = np.abs(one.centres()).max()
    assert (one.radii() <= 2.0**-64 * scale).all()
    assert (other.radii() <= 2.0**-64 * scale).all()


MASK = np.array([[True, False, True, True, False], [True, True, True, True, True], [False, True, False, False, False]])
EMPTY = np.array([[True, False, True, True, False], [False] * 5, [False, True, False, False, False]])
ROWS_EMPTIED = ("zero", "uniform_over_all_keys", "unmasked")


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("mask", [None, MASK])
def test_softmax_lemma(mask: np.ndarray | None, size: float) -> None:
    x, g = arrays((3, 5), (3, 5), size=size)
    stands_for(
        lambda p: softmax_lemma.forward(Bounded.given(x, p), mask=mask), lambda: softmax(Ball.given(x), mask=mask)
    )

    def derivative() -> Ball:
        source = Tape(Ball.given(x))
        return pull_back(softmax(source, mask=mask), Ball.given(g), [source])[0]

    stands_for(lambda p: softmax_lemma.backward(*bounded(g, x, precision=p), mask=mask)[0], derivative)


@pytest.mark.parametrize("convention", ROWS_EMPTIED)
def test_softmax_lemma_in_rows_without_an_allowed_entry(convention: str) -> None:
    (x,) = arrays((3, 5))
    options = {"mask": EMPTY, "fully_masked": convention}
    stands_for(
        lambda p: softmax_lemma.forward(Bounded.given(x, p), **options), lambda: softmax(Ball.given(x), **options)
    )


def test_honest_softmaxes_are_the_formula() -> None:
    """Shifted by the maximum; online in tiles of two, from either end; the logarithm of the sum taken off."""
    (x,) = arrays((1, 6), size=5)
    with working_precision(BITS):
        formula = softmax(Ball.given(x))
        top = x.max(-1, keepdims=True)
        shifted = np.exp(Ball.given(x) - top)
        agree(shifted / shifted.sum(-1, keepdims=True), formula)
        agree(np.exp(Ball.given(x) - top - np.log(shifted.sum(-1, keepdims=True))), formula)
        for tiles in ([0, 2, 4], [4, 2, 0]):
            highest, total = -np.inf, Ball.given(np.zeros((1, 1)))
            for start in tiles:
                tile = x[:, start : start + 2]
                higher = max(highest, float(tile.max()))
                rescaled = total if highest == -np.inf else total * np.exp(Ball.given(highest) - higher)
                total = rescaled + np.exp(Ball.given(tile) - higher).sum(-1, keepdims=True)
                highest = higher
            agree(np.exp(Ball.given(x) - highest) / total, formula)


@functools.cache
def query_key_value() -> list[np.ndarray]:
    return arrays((2, 3, 4), (2, 5, 4), (2, 5, 3), (2, 3, 3), (2, 3, 5), seed=1)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("mask", [None, MASK])
def test_attention_lemma(mask: np.ndarray | None, biased: bool) -> None:
    q, k, v, g, b = query_key_value()

    def options(lift: Callable[[np.ndarray], Any]) -> dict[str, Any]:
        return {"mask": mask, "bias": lift(b) if biased else None}

    def scale(like: Any) -> Any:
        return 1 / np.sqrt(number(4, like=like))

    def forward(p: Any) -> Bounded:
        given = bounded(q, k, v, precision=p)
        return attention_lemma.forward(*given, scale=scale(given[0]), **options(lambda a: Bounded.given(a, p)))

    def backward(p: Any) -> tuple[Bounded, ...]:
        given = bounded(g, q, k, v, precision=p)
        return attention_lemma.backward(*given, scale=scale(given[0]), **options(lambda a: Bounded.given(a, p)))

    def derivative(index: int) -> Ball:
        sources = [Tape(ball) for ball in balls(q, k, v)]
        return pull_back(attention(*sources, **options(Ball.given)), Ball.given(g), sources)[index]

    stands_for(forward, lambda: attention(*balls(q, k, v), **options(Ball.given)))
    for index in range(3):
        stands_for(lambda p, i=index: backward(p)[i], lambda i=index: derivative(i))


def test_the_two_inner_products_of_a_flash_backward_are_equal() -> None:
    """sum_j dp_j p_j = sum_c g_c o_c, Dao et al. 2022, equation 4."""
    q, k, v, g, _ = query_key_value()
    with working_precision(BITS):
        q_, k_, v_, g_ = balls(q, k, v, g)
        p = softmax(q_ @ np.swapaxes(k_, -1, -2) / np.sqrt(Ball.given(4)))
        direct = (g_ @ np.swapaxes(v_, -1, -2) * p).sum(-1)
        agree(direct, (g_ * (p @ v_)).sum(-1))


@pytest.mark.parametrize("far", [0.0, 100.0])
@pytest.mark.parametrize("variance", ["biased", "unbiased"])
@pytest.mark.parametrize("eps_place", ["inside", "outside"])
def test_layer_norm_lemma(variance: str, eps_place: str, far: float) -> None:
    x, gamma, beta = arrays((3, 6), (6,), (6,), seed=2)
    x = (x + far).astype(np.float32).astype(np.float64)
    conventions = {"eps": 2.0**-17, "variance": variance, "eps_place": eps_place}
    stands_for(
        lambda p: layer_norm_lemma.forward(*bounded(x, gamma, beta, precision=p), **conventions),
        lambda: layer_norm(*balls(x, gamma, beta), **conventions),
    )


def test_honest_variances_are_the_formula() -> None:
    """Welford's recurrence, and Chan, Golub & LeVeque's way to put two halves together."""
    (x,) = arrays((7,), seed=3)
    with working_precision(BITS):
        given = Ball.given(x)
        mean = given.mean()
        squares = ((given - mean) * (given - mean)).sum()
        agree(moments(given)[2].reshape(1), squares.reshape(1))
        (n, mean_a, a), (m, mean_b, b) = moments(given[:3]), moments(given[3:])
        between = (mean_b - mean_a) * (mean_b - mean_a) * n * m / (n + m)
        agree((a + b + between).reshape(1), squares.reshape(1))


def moments(x: Ball) -> tuple[int, Ball, Ball]:
    """Count, mean and sum of squared differences, one number after the other."""
    mean, squares = Ball.given(0), Ball.given(0)
    for i in range(len(x)):
        before = x[i] - mean
        mean = mean + before / (i + 1)
        squares = squares + before * (x[i] - mean)
    return len(x), mean, squares
