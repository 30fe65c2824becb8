"""The number systems: what they refuse, what they enclose, and the derivatives that a tape carries back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from flint import arb

from veriformer.properties.probes import numpy_dtype
from veriformer.spec.numbers import Ball, Bounded, Tape, erf, pull_back, working_precision
from veriformer.spec.numbers.precision import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Format, gamma, precision_of

Array = np.ndarray
VALUES = np.array([[0.5, -1.25, 2.0], [3.0, 0.75, -0.5]])
SYSTEMS: dict[str, Callable[[Array], Any]] = {
    "Ball": Ball.given,
    "Bounded": lambda values: Bounded.given(values, precision_of("float32")),
    "Tape": lambda values: Tape(Ball.given(values)),
}
REFUSED: dict[str, Callable[[Any], Any]] = {
    "sort": np.sort,
    "argsort": np.argsort,
    "argmax": np.argmax,
    "max": np.max,
    "maximum.reduce": np.maximum.reduce,
    "add.reduce": np.add.reduce,
    "add.at": lambda x: np.add.at(x, [0], 1.0),
    "clip": lambda x: np.clip(x, 0, 1),
    "sign": np.sign,
    "minimum": lambda x: np.minimum(x, 0),
    "floor": np.floor,
    "isfinite": np.isfinite,
    "less": lambda x: x < 0,
    "greater or equal": lambda x: x >= 0,
    "equal": lambda x: x == 0,
    "var": np.var,
    "cumsum": np.cumsum,
    "dot": lambda x: np.dot(x, x),
    "einsum": lambda x: np.einsum("ij->i", x),
    "out=": lambda x: np.exp(x, out=np.zeros((2, 3))),
    "where=": lambda x: np.exp(x, where=np.ones((2, 3), bool)),
    "a root as a power": lambda x: x**0.5,
    "a negative power": lambda x: x**-1,
    "float32 constants of another system": lambda x: (
        x + Bounded.given(VALUES, precision_of("float32")) + Ball.given(VALUES)
    ),
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("operation", REFUSED)
def test_refuses_what_would_be_silently_wrong(operation: str, system: str) -> None:
    with pytest.raises(TypeError):
        REFUSED[operation](SYSTEMS[system](VALUES))


ELEMENTWISE: dict[str, tuple[Callable[..., Any], Callable[..., Array]]] = {
    # name -> the operation, and its derivatives by each argument
    "x + y": (lambda x, y: x + y, lambda x, y: (1 + 0 * x, 1 + 0 * y)),
    "x - y": (lambda x, y: x - y, lambda x, y: (1 + 0 * x, -1 + 0 * y)),
    "x y": (lambda x, y: x * y, lambda x, y: (y, x)),
    "x / y": (lambda x, y: x / y, lambda x, y: (1 / y, -x / y**2)),
    "max(x, y)": (np.maximum, lambda x, y: ((x > y) * 1.0, (x < y) * 1.0)),
    "-x": (np.negative, lambda x: (0 * x - 1,)),
    "x^3": (lambda x: x**3, lambda x: (3 * x**2,)),
    "x^2": (np.square, lambda x: (2 * x,)),
    "exp x": (np.exp, lambda x: (np.exp(x),)),
    "log x": (np.log, lambda x: (1 / x,)),
    "sqrt x": (np.sqrt, lambda x: (0.5 / np.sqrt(x),)),
    "sin x": (np.sin, lambda x: (np.cos(x),)),
    "cos x": (np.cos, lambda x: (-np.sin(x),)),
    "tanh x": (np.tanh, lambda x: (1 - np.tanh(x) ** 2,)),
    "erf x": (erf, lambda x: (2 / np.sqrt(np.pi) * np.exp(-x * x),)),
}


def arguments_of(derivatives: Callable[..., Any], seed: int = 0) -> list[Array]:
    """As many arrays of positive numbers, away from each other, as a function takes."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.25, 2, (2, 3)) + 0.001 * i for i in range(derivatives.__code__.co_argcount)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_tape_knows_the_derivative(name: str) -> None:
    operation, derivatives = ELEMENTWISE[name]
    values = arguments_of(derivatives)
    g = np.random.default_rng(1).standard_normal((2, 3))
    with working_precision(128):
        sources = [Tape(Ball.given(value)) for value in values]
        found = pull_back(operation(*sources), Ball.given(g), sources)
        for gradient, slope in zip(found, derivatives(*values), strict=True):
            assert (gradient.distances(g * slope) <= 2.0**-48).all()


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_bounded_result_encloses_the_exact_one_and_the_rounded_one(name: str, dtype: str) -> None:
    operation, derivatives = ELEMENTWISE[name]
    precision = precision_of(dtype)
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    for seed in range(20):
        values = [value.astype(kind).astype(np.float64) for value in arguments_of(derivatives, seed)]
        bounded = operation(*(Bounded.given(value, precision) for value in values))
        with working_precision(256):
            exact = operation(*(Ball.given(value) for value in values))
        assert (exact.distances(bounded.value) <= bounded.error).all()
        rounded = exact.centres().astype(kind).astype(np.float64)
        assert (exact.distances(rounded) <= bounded.error).all()


def slopes(function: Callable[[Any], Any], x: Array, g: Array) -> Array:
    """Derivatives of sum(g f(x)), of a function that is linear or quadratic, by central differences over balls."""
    out = np.zeros(x.shape)
    with working_precision(256):
        for index in np.ndindex(*x.shape):
            step = np.zeros(x.shape)
            step[index] = 0.5
            above, below = (function(Ball.given(x) + sign * step) * Ball.given(g) for sign in (1, -1))
            out[index] = (above - below).sum().centres()
    return out


PICKED = np.array([[0, 2, 0], [1, 1, 1]])
MOVES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "rows picked more than once": (lambda x: x[PICKED], (2, 3, 4)),
    "a slice": (lambda x: x[1:, ::2], (2, 2)),
    "one row": (lambda x: x[1], (4,)),
    "transposed": (lambda x: np.swapaxes(x, -1, -2), (4, 3)),
    "reshaped": (lambda x: x.reshape(2, 6), (2, 6)),
    "repeated": (lambda x: np.repeat(x, 2, axis=0), (6, 4)),
    "broadcast": (lambda x: np.broadcast_to(x, (2, 3, 4)), (2, 3, 4)),
    "an axis more": (lambda x: np.expand_dims(x, 1), (3, 1, 4)),
    "moved": (lambda x: np.moveaxis(x, 0, 1), (4, 3)),
    "chosen": (lambda x: np.where(np.eye(3, 4, dtype=bool), x, 2 * x), (3, 4)),
    "stacked": (lambda x: np.stack([x, 3 * x, x * x]), (3, 3, 4)),
    "joined": (lambda x: np.concatenate([x, x[:1]], 0), (4, 4)),
    "summed": (lambda x: np.sum(x, 0), (4,)),
    "summed, the axis kept": (lambda x: np.sum(x, -1, keepdims=True), (3, 1)),
    "summed over all": (lambda x: x.sum(), ()),
    "mean": (lambda x: np.mean(x, -1), (3,)),
    "scattered": (lambda x: x.scattered(np.arange(12).reshape(3, 4) // 5, 3), (3,)),
    "times one row": (lambda x: x * x[0], (3, 4)),
    "times one column": (lambda x: x[:, :1] * x, (3, 4)),
    "matrix product": (lambda x: x @ np.swapaxes(x, -1, -2), (3, 3)),
    "batched matrix product": (lambda x: np.broadcast_to(x, (2, 3, 4)) @ np.swapaxes(x, -1, -2), (2, 3, 3)),
}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize(
    "given", [Ball.given, lambda a: Bounded.given(a, precision_of("float64"))], ids=["Ball", "Bounded"]
)
def test_cotangents_find_their_way_back(name: str, given: Callable[[Array], Any]) -> None:
    move, shape = MOVES[name]
    rng = np.random.default_rng(2)
    x, g = rng.integers(-4, 5, (3, 4)).astype(float), rng.integers(-4, 5, shape).astype(float)
    source = Tape(given(x))
    with working_precision(128):
        (found,) = pull_back(move(source), given(g), [source])
        value = found.centres() if isinstance(found, Ball) else found.value
    np.testing.assert_array_almost_equal_nulp(value, slopes(move, x, g), nulp=16)


def test_nothing_flows_back_to_what_was_not_used() -> None:
    used, unused = Tape(Ball.given(VALUES)), Tape(Ball.given(VALUES))
    assert pull_back(used * 2, Ball.given(VALUES), [used, unused])[1] is None


def test_a_value_used_twice_gets_both_cotangents() -> None:
    x = Tape(Ball.given(np.array([3.0])))
    (found,) = pull_back(x * x + x, Ball.given(np.array([1.0])), [x])
    assert found.centres().tolist() == [7.0]


def test_the_slope_of_relu_at_an_open_sign_is_all_of_0_to_1() -> None:
    slope = Ball(np.array([arb(0, 1e-30), arb(0), arb(1e-3, 1e-4), arb(-1e-3, 1e-4)], dtype=object)).heaviside()
    assert [ball.contains(0) and ball.contains(1) for ball in slope.balls] == [True, True, False, False]
    assert slope.centres()[2:].tolist() == [1.0, 0.0]
    bounded = Bounded(
        np.array([1e-9, 0.0, 1.0, -1.0]), np.array([1e-8, 0.0, 0.5, 0.5]), precision_of("float32")
    ).heaviside()
    assert (bounded.value - bounded.error <= 0).tolist() == [True, True, False, True]
    assert (bounded.value + bounded.error >= 1).tolist() == [True, True, True, False]


def test_the_larger_of_overlapping_balls_may_be_either() -> None:
    ball = np.maximum(Ball(np.array([arb(1, 0.5)], dtype=object)), Ball(np.array([arb(1.2, 0.1)], dtype=object))).balls[
        0
    ]
    assert ball.contains(1.5)
    assert ball.contains(1.1)


NATIVE = {FLOAT64: np.float64, FLOAT32: np.float32, FLOAT16: np.float16, BFLOAT16: ml_dtypes.bfloat16}


def numbers_of(form: Format) -> Array:
    """Positive numbers of a format, of every size: powers of two, denormal ones, random ones, and all their neighbours."""
    kind = NATIVE[form]
    rng = np.random.default_rng(4)
    exponents = np.arange(form.emin - form.digits + 1, int(np.frexp(form.largest)[1]))
    spread = np.ldexp(rng.uniform(1, 2, 500), rng.choice(exponents[form.digits : -1], 500))
    found = np.concatenate([np.ldexp(1.0, exponents), spread, [form.largest, form.tiny]]).astype(kind)
    found = np.concatenate([found, np.nextafter(found, np.zeros_like(found))])
    return found[found > 0]


@pytest.mark.parametrize("form", NATIVE, ids=lambda form: form.name)
def test_a_format_holds_its_numbers_and_nothing_between(form: Format) -> None:
    found = numbers_of(form)
    wide = found.astype(np.float64)
    assert form.holds(wide).all()
    assert form.holds(-wide).all()
    if form is not FLOAT64:
        below = np.nextafter(found, np.zeros_like(found)).astype(np.float64)
        assert not form.holds((wide + below)[wide != below] / 2).any()
        assert not form.holds(np.array([2 * form.largest])).any()


@pytest.mark.parametrize("other", NATIVE, ids=lambda form: form.name)
@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_a_format_includes_a_dtype_if_it_holds_its_numbers(form: Format, other: Format) -> None:
    found = numbers_of(other)
    assert form.includes(found.dtype) == form.holds(found.astype(np.float64)).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("computed", ["float64", "float32", "bfloat16"])
def test_what_a_format_holds_is_given_without_error(computed: str, dtype: str) -> None:
    """Number by number, also beside one that is infinite, or not a number."""
    precision = replace(precision_of(computed), flush=False)
    plain = np.array([1.0, 3.0, 0.1, 100.0]).astype(numpy_dtype(dtype))
    wide = plain.astype(np.float64)
    moved = 0.0 if dtype == "int8" else np.where(precision.step.holds(wide), 0.0, precision.step.half_ulp(wide))
    assert (Bounded.given(plain, precision).error == moved).all()
    if dtype != "int8":
        strange = np.concatenate([plain, np.array([np.inf, np.nan, -np.inf]).astype(plain.dtype)])
        error = Bounded.given(strange, precision).error
        assert (error[:4] == moved).all()
        assert np.isinf(error[4:]).all()


@pytest.mark.parametrize("form", NATIVE, ids=lambda form: form.name)
def test_half_an_ulp_is_half_the_way_to_the_next_number(form: Format) -> None:
    found = numbers_of(form)
    found = found[found.astype(np.float64) < form.largest]
    above = np.nextafter(found, np.full_like(found, np.inf)).astype(np.float64)
    wide = found.astype(np.float64)
    assert np.array_equal(form.half_ulp(wide), (above - wide) / 2)


@pytest.mark.parametrize("form", NATIVE, ids=lambda form: form.name)
def test_half_an_ulp_of_zero_is_half_the_smallest_number(form: Format) -> None:
    smallest = float(np.nextafter(NATIVE[form](0), NATIVE[form](1)))
    assert form.half_ulp(np.zeros(3)).tolist() == [smallest / 2] * 3


def test_products_that_underflow_without_being_flushed_are_rounded_too() -> None:
    """In float16, sums in float16: each product below the smallest normal number is rounded to a multiple of 2^-24."""
    precision = precision_of("float16", accumulates_in="float16")
    rng = np.random.default_rng(0)
    a, b = (rng.integers(1, 9, (5, 3)) * 2.0**-24).astype(np.float16), rng.standard_normal((3, 5)).astype(np.float16)
    bounded = Bounded.given(a, precision) @ Bounded.given(b, precision)
    exact = Ball.given(a) @ Ball.given(b)
    for order in ([0, 1, 2], [2, 0, 1]):
        products = a[:, order, None] * b[None, order, :]
        in_turn = (products[:, 0] + products[:, 1]) + products[:, 2]
        assert (exact.distances(in_turn) <= bounded.error).all()
    assert (exact.distances(a @ b) <= bounded.error).all()


def test_nothing_plus_nothing_has_no_error_to_speak_of() -> None:
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        nothing = Bounded.given(np.zeros(2), precision_of(dtype))
        assert ((nothing + nothing).error <= FORMATS[dtype].tiny).all(), dtype
        assert ((nothing * 3).error <= FORMATS[dtype].tiny).all(), dtype


def test_formats_are_those_of_numpy_and_ml_dtypes() -> None:
    for form, kind in NATIVE.items():
        about = ml_dtypes.finfo(kind)
        assert (form.u, form.tiny, form.largest) == (float(about.eps) / 2, float(about.tiny), float(about.max)), (
            form.name
        )
    assert FORMATS["tf32"].u == 2.0**-11


def test_gamma_is_infinite_where_the_lemma_does_not_hold() -> None:
    assert gamma(3, 2.0**-24) == 3 * 2.0**-24 / (1 - 3 * 2.0**-24)
    assert gamma(2**24, 2.0**-24) == float("inf")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_may_begin_with_what_is_added_to_it(dtype: str) -> None:
    """1 + 0.0006 + 0.0006 + ..., as GEMM adds to C: each addition is rounded at the size of 1, not of the products."""
    n, term, precision = 64, np.array(0.00060639414).astype(dtype), precision_of(dtype)
    x, w, start = np.full((1, n), term), np.ones((n, 1), dtype), np.ones(1, dtype)
    honest = start[0]
    for one in x[0]:
        honest = honest + one
    exact = 1 + n * Fraction(float(term))
    away = float(abs(Fraction(float(honest)) - exact))
    product = Bounded.given(x, precision) @ Bounded.given(w, precision)
    added = product + Bounded.given(start, precision)
    assert away <= added.error[0, 0]
    one_rounding = product.of(product.value, product.error) + Bounded.given(start, precision)
    assert away > one_rounding.error[0, 0]
    assert (Bounded.given(start, precision) + product).error == added.error
