"""Balls of floats hold what Arb's balls hold, at every size of number, and say so when floats do not suffice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.test_numbers import ELEMENTWISE, MOVES
from veriformer.spec import softmax
from veriformer.spec.numbers import Ball, FloatBall, Tape, TooCoarse, erf, kept_in, pi, pull_back, working_precision
from veriformer.spec.numbers.precision import FLOAT32

Array = np.ndarray
BITS = 400
REPEATED = 40
SIZES = (0.0, 3.0, 60.0, 300.0)
"""How far from 1 the numbers of a draw are, in powers of two."""


@pytest.fixture(autouse=True)
def _what_is_unknown_is_no_surprise() -> Iterator[None]:
    """As everywhere where formulas run over balls of floats: what comes of 0 / 0 is that nothing is known."""
    with np.errstate(all="ignore"):
        yield


def drawn(rng: np.random.Generator, shape: tuple[int, ...], spread: float, *, positive: bool = False) -> Array:
    """Numbers of many sizes, some of them 0, some of them alike."""
    found = np.ldexp(rng.uniform(1, 2, shape), rng.uniform(-spread, spread, shape).astype(int))
    if positive:
        return found
    found *= rng.choice([-1.0, 1.0], shape)
    return np.where(rng.random(shape) < 0.2, rng.choice([0.0, 1.0, -1.0], shape), found)


def widened(rng: np.random.Generator, values: Array, relative: float) -> tuple[FloatBall, list[Ball]]:
    """Balls around numbers, and what lies in them: the numbers themselves, both ends, and something between."""
    given = FloatBall.given(values)
    balls = FloatBall(given.centre, np.where(given.nothing, 0.0, relative), given.exponent)
    shares = (np.zeros(values.shape), np.ones(values.shape), -np.ones(values.shape), rng.uniform(-1, 1, values.shape))
    radius = np.ldexp(balls.radius, balls.shift())
    return balls, [Ball.given(values) + Ball.given(share) * Ball.given(radius) for share in shares]


def outside(found: FloatBall, exact: Ball) -> Array:
    """How far a number certainly is from where the balls of floats say that it is, in their radii."""
    away = (exact - Ball.given(found.centres())).balls
    reach = Ball.given(np.where(np.isfinite(found.radii()), found.radii(), 0.0)).balls
    known = np.isfinite(found.radii())
    return np.asarray([bool(k and abs(a) > r) for k, a, r in zip(known.flat, away.flat, reach.flat, strict=True)])


@pytest.mark.parametrize("relative", [0.0, 2.0**-50, 2.0**-20, 0.25])
@pytest.mark.parametrize("spread", SIZES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_result_holds_that_of_every_number_in_the_arguments(name: str, spread: float, relative: float) -> None:
    operation, derivatives = ELEMENTWISE[name]
    rng = np.random.default_rng(0)
    positive = name in ("log x", "sqrt x")
    with working_precision(BITS):
        for _ in range(REPEATED):
            shapes = [(5, 4)] * derivatives.__code__.co_argcount
            given = [widened(rng, drawn(rng, shape, spread, positive=positive), relative) for shape in shapes]
            found = operation(*(balls for balls, _ in given))
            for points in zip(*(points for _, points in given), strict=True):
                exact = operation(*points)
                counts = exact.finite().ravel()
                assert not (outside(found, exact) & counts).any()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_of_exact_arguments_little_is_lost(name: str) -> None:
    operation, derivatives = ELEMENTWISE[name]
    rng = np.random.default_rng(1)
    given = [rng.uniform(0.25, 2, (100,)) for _ in range(derivatives.__code__.co_argcount)]
    found = operation(*(FloatBall.given(x) for x in given))
    assert (found.radii() <= 2.0**-48 * np.maximum(np.abs(found.centres()), 1)).all()


@pytest.mark.parametrize("spread", SIZES)
@pytest.mark.parametrize("name", MOVES)
def test_sums_and_moves_hold_theirs(name: str, spread: float) -> None:
    move, _ = MOVES[name]
    rng = np.random.default_rng(2)
    with working_precision(BITS):
        for _ in range(REPEATED // 4):
            balls, points = widened(rng, drawn(rng, (3, 4), spread), 2.0**-40)
            found = move(balls)
            for point in points:
                exact = move(point)
                assert found.shape == exact.shape
                assert not outside(found, exact).any()


@pytest.mark.parametrize(
    "shapes", [((3, 5), (5, 2)), ((2, 1, 3, 5), (4, 5, 2)), ((5,), (5, 2)), ((3, 5), (5,)), ((2, 0), (0, 3))]
)
def test_matrix_products_of_every_shape(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(3)
    with working_precision(BITS):
        for spread, relative in itertools.product(SIZES, (0.0, 2.0**-45, 0.25)):
            (a, a_points), (b, b_points) = (widened(rng, drawn(rng, shape, spread), relative) for shape in shapes)
            for p, q in zip(a_points, b_points, strict=True):
                exact = p @ q
                assert (a @ b).shape == exact.shape
                assert not outside(a @ b, exact).any()


@pytest.mark.parametrize("name", ["summed", "matrix product", "scattered", "times one row"])
def test_nothing_changes_where_small_numbers_are_flushed(name: str) -> None:
    """PyTorch turns a switch of the whole thread: below the smallest normal number all is 0 then, also for NumPy."""
    torch = pytest.importorskip("torch")
    move, _ = MOVES[name]
    rng = np.random.default_rng(6)
    points = [drawn(rng, (3, 4), 300.0) for _ in range(REPEATED)]
    points += [np.ldexp(point, -700) * (np.abs(point) > 1) for point in points]
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor flushes nothing")
    try:
        flushed = np.full(1, 2.0**-1022) * 0.5
        found = [move(FloatBall.given(point)) for point in points]
        centres, radii = [one.centres() for one in found], [one.radii() for one in found]
    finally:
        torch.set_flush_denormal(False)
    assert flushed[0] == 0, "the switch reaches NumPy"
    with working_precision(BITS):
        for point, centre, radius in zip(points, centres, radii, strict=True):
            assert (move(Ball.given(point)).distances(centre) <= radius).all()


def test_exp_of_many_numbers() -> None:
    """Near 0, at the borders between powers of two, far beyond what a float can hold, so far that nothing is known, and so far
    below that it is no larger than a number which vanishes beside all others."""
    rng = np.random.default_rng(4)
    borders = np.log(2) * (np.arange(-2000, 2000) + 0.5)
    x = np.concatenate([
        borders, np.nextafter(borders, 0), rng.uniform(-1, 1, 2000), np.ldexp(rng.uniform(-1, 1, 2000), -30),
        rng.uniform(-1, 1, 2000) * 2.0**24, rng.uniform(-1, 1, 100) * 2.0**30, [0.0, 2.0**24, -(2.0**24), 1e300, -1e300],
    ])  # fmt: skip
    with working_precision(BITS):
        found, exact = np.exp(FloatBall.given(x)), np.exp(Ball.given(x))
        known, faint = np.abs(x) <= 2.0**24, x < -(2.0**24)
        assert (np.isfinite(found.radius) == (known | faint)).all()
        below = (Ball(two_to(found.exponent[faint])) * Ball.given(found.radius[faint]) - exact[faint]).balls
        assert not found.centre[faint].any()
        assert all(one > 0 for one in below)
        # in units of the number itself: most of these are no floats
        lift = Ball.given(np.where(known, found.centre, 0.0)) * Ball(two_to(np.where(known, found.exponent, 0)))
        share = ((lift - exact) / exact).balls
        assert all(abs(s) < r for s, r, k in zip(share, found.radius / found.centre, known, strict=True) if k)
        assert (found.radius[known] <= 2.0**-49 * found.centre[known]).all()


def two_to(exponents: Array) -> Array:
    """Powers of two as balls."""
    from flint import arb

    return np.array([arb(2) ** int(e) for e in exponents], dtype=object)


def test_exponents_have_no_end_that_is_met() -> None:
    """exp(1e6) / (exp(1e6) + exp(999,999)): no float holds a part of it."""
    x = FloatBall.given(np.array([1e6, 999_999.0]))
    found = np.exp(x) / np.exp(x).sum()
    assert np.abs(found.centres()[0] - 1 / (1 + np.exp(-1.0))) <= found.radii()[0] + 1e-15
    assert (found.radii() <= 1e-9).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e9])
def test_weights_and_their_gradients_hold_those_of_all_scores_in_the_balls(size: float, masked: bool) -> None:
    rng = np.random.default_rng(7)
    x, points = widened(rng, rng.standard_normal((20, 5)) * size, 2.0**-40)
    mask = (rng.random((20, 5)) < 0.7) | (np.arange(5) == 0) if masked else None
    cotangent = rng.standard_normal((20, 5))

    def of(scores: Any) -> list[Any]:
        tape = Tape(scores)
        p = softmax(tape, mask=mask)
        assert isinstance(p, Tape)
        return [softmax(scores, mask=mask), p.value, *pull_back(p, scores.lift(cotangent), [tape])]

    with working_precision(BITS):
        found = of(x)
        for point in points:
            for one, exact in zip(found, of(point), strict=True):
                assert not outside(one, exact).any()


def test_a_weight_is_as_sharp_as_the_others_are_small() -> None:
    """Whatever the error of the scores: beside the largest the others weigh nothing, and it weighs 1."""
    x, _ = widened(np.random.default_rng(8), np.array([[1e6, 1e6 - 50.0, -1e6, -1e9]]), 2.0**-40)
    found = softmax(x)
    assert isinstance(found, FloatBall)
    assert (found.radii() <= [2.0**-48, *np.full(3, np.exp(-49.0))]).all()


def test_zero_stays_zero() -> None:
    zero, x = FloatBall.given(np.zeros(2)), np.exp(FloatBall.given(np.array([700.0, -1e5])))
    odd = (np.sqrt(zero), abs(zero), np.sin(zero), np.tanh(zero), erf(zero), -zero)
    larger = (np.maximum(zero, -x), np.maximum(zero, zero))
    for result in (zero * x, x * zero, zero / x, zero + zero, zero - zero, zero.sum(), zero @ x, *odd, *larger):
        assert not result.centres().any()
        assert not result.radii().any()


def test_zero_times_what_is_not_known_is_not_known() -> None:
    zero, unknown = FloatBall.given(np.zeros(2)), FloatBall(np.zeros(2), np.full(2, np.inf), np.zeros(2, np.int64))
    lost = zero * unknown
    for result in (
        lost,
        zero / zero,
        1 / zero,
        zero / unknown,
        zero @ unknown,
        lost * zero,
        lost + 0,
        lost.sum(),
        lost * lost,
    ):
        assert not result.at_rest().finite().any()
        assert np.isinf(result.radii()).all()
        assert not result.at_rest().distances(np.ones(result.shape)).any()


def test_an_open_sign_is_enclosed() -> None:
    x = FloatBall(np.array([1e-9, 0.5, -0.5]), np.array([1e-8, 0.1, 0.1]), np.zeros(3, np.int64))
    slope = x.heaviside()
    assert slope.centres().tolist() == [0.5, 1.0, 0.0]
    assert slope.radii()[0] >= 0.5
    larger = np.maximum(x, FloatBall.given(np.zeros(3)))
    assert (larger.centres() + larger.radii())[0] >= 1.1e-8
    assert (larger.centres() - larger.radii())[0] <= 0
    assert larger.centres()[2] == larger.radii()[2] == 0


@pytest.mark.parametrize(
    "values", [np.array([np.nan]), np.array([np.inf]), np.array([5e-324]), np.array([2**60 + 1]), np.array([10**20])]
)
def test_what_it_cannot_hold_exactly_it_refuses(values: Array) -> None:
    with pytest.raises(TooCoarse):
        FloatBall.given(values)


def test_pi_is_enclosed_and_nothing_is_rounded_to_a_format() -> None:
    like = FloatBall.given(np.zeros(()))
    with working_precision(BITS):
        assert not outside(pi(like=like), pi(like=Ball.given(np.zeros(())))).any()
    with pytest.raises(TooCoarse):
        kept_in(FLOAT32, like)


def test_it_meets_no_other_system() -> None:
    with pytest.raises(TypeError, match="one formula runs on one number system"):
        FloatBall.given(np.ones(2)) + Ball.given(np.ones(2))


def test_distances_are_certain() -> None:
    """Never more than Arb says, and hardly less."""
    rng = np.random.default_rng(5)
    x, got = rng.standard_normal(200), rng.standard_normal(200).astype(np.float32).astype(np.float64)
    formula: Callable[[Any], Any] = lambda x: np.exp(x) / (1 + np.exp(x))  # noqa: E731
    with working_precision(BITS):
        found, exact = formula(FloatBall.given(x)).at_rest().distances(got), formula(Ball.given(x)).distances(got)
    assert (found <= exact).all()
    assert (found >= exact - 1e-13).all()
    rest = FloatBall(np.ones(4), np.full(4, 0.5), np.ones(4, np.int64)).at_rest()
    assert rest.distances(np.array([1.0, 3.0, 3.5, 0.0])).tolist() == pytest.approx([0, 0, 0.5, 1.0])
