"""Our implementations in half types: what they promise is kept, and who breaks it is found."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

from tests.controls.attention import divided_last
from tests.controls.norms import rms_backward, tiled
from veriformer.impls.discover import Found
from veriformer.impls.jax import impl as in_jax
from veriformer.impls.numpy import impl as in_numpy
from veriformer.impls.numpy.half import in_float32
from veriformer.impls.protocol import Call, Implementation
from veriformer.impls.torch import impl as in_torch
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.formula import Question
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import settle
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
HALF = ("bfloat16", "float16")


def judged(impl: Implementation, component: str, dtype: str, law: str = "agrees_with_the_spec") -> Record:
    """The record of one law, quickly."""
    door = open_door(impl, dtype, "cpu")
    chosen = next(one for one in LAWS[component] if one.name == law)
    settled = settle(door, component, INQUIRIES, fits)
    return judge(chosen, door, Budget(5, quick=True).narrowed(2), settled=settled)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("impl", [in_numpy, in_torch, in_jax], ids=lambda impl: impl.name)
@pytest.mark.parametrize(
    ("component", "law"),
    [
        ("softmax", "agrees_with_the_spec"),
        ("layer_norm", "gradients_agree_with_the_spec"),
        ("cross_entropy", "agrees_with_the_spec"),
    ],
)
def test_half_types_are_held(impl: Implementation, component: str, law: str, dtype: str) -> None:
    record = judged(impl, component, dtype, law)
    assert record.verdict is Verdict.HELD, f"{record.verdict}: {record.message}"
    assert record.precision["contract"] == ("layer" if impl is in_numpy else "eager")


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("component", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("impl", [in_numpy, in_torch], ids=lambda impl: impl.name)
def test_gradients_of_norms_are_held_in_half_types_alone(impl: Implementation, component: str, dtype: str) -> None:
    """The whole sweep, as of code that has no other dtype. 1 / root is differentiated before the mean is divided by n: in
    float16 that overflows for rows that deviate by 0.026, where r^3 does not. And few cases are lost to that."""
    door = open_door(impl, dtype, "cpu")
    law = next(one for one in LAWS[component] if one.name == "gradients_agree_with_the_spec")
    record = judge(law, door, Budget(30), settled=settle(door, component, INQUIRIES, fits))
    assert record.verdict is Verdict.HELD, f"{record.verdict}: {record.message}"
    assert record.overflowing < (record.judged + record.abstained) / 5


def step_by_step(x: np.ndarray) -> np.ndarray:
    """A softmax every step of which is rounded to the dtype of x."""
    weights = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(weights / weights.sum(-1, keepdims=True))


@pytest.mark.parametrize("dtype", HALF)
def test_who_computes_in_the_half_type_inside_keeps_eager_and_not_layer(dtype: str) -> None:
    def verdict(precision: str, function: Callable[..., np.ndarray]) -> Verdict:
        impl = Implementation("half inside", backend="numpy", dtypes=(dtype,), precision=precision)
        impl.component("softmax")(function)
        verdict = judged(impl, "softmax", dtype).verdict
        assert verdict is not None
        return verdict

    assert verdict("layer", step_by_step) is Verdict.BROKEN
    assert verdict("eager", step_by_step) is Verdict.HELD
    assert verdict("layer", in_float32(step_by_step)) is Verdict.HELD


@pytest.mark.parametrize(("dtype", "inside"), [*((dtype, "float32") for dtype in HALF), ("float32", "float64")])
def test_what_is_computed_in_more_promises_nothing(dtype: str, inside: str) -> None:
    """Who says float32, which of float64 is less, is judged in half types as if it were not said; `layer` is the promise."""

    def verdict(function: Callable[..., np.ndarray], **promised: str) -> Verdict:
        impl = Implementation("wider inside", backend="numpy", dtypes=(dtype,), **promised)
        impl.component("softmax")(function)
        verdict = judged(impl, "softmax", dtype).verdict
        assert verdict is not None
        return verdict

    assert verdict(step_by_step, computes_in=inside) is Verdict.HELD
    assert precision_of(dtype, computes_in=inside) == precision_of(dtype)
    narrower = precision_of(dtype, "layer", computes_in="tf32")
    assert narrower.product.digits <= precision_of(dtype, "layer").product.digits


def test_the_difference_of_two_means_may_overflow_before_the_variance_does() -> None:
    """Parts joined in float16: of 270 beside 1 and -1, about, the sum of squares is 48,600, in range; 270^2 is not."""
    x, one, nothing = np.array([[0.9, -0.9, 270]], np.float16), np.ones(3, np.float16), np.zeros(3, np.float16)
    question = Question(COMPONENTS["layer_norm"], (x, one, nothing), {"eps": 2.0**-10}, {}, precision_of("float16"))
    with np.errstate(over="ignore"):
        _, variance = tiled(x, 1)
    assert np.isinf(variance).all() and np.sum((x.astype(float) - x.astype(float).mean()) ** 2) < 65504
    assert np.isinf(question.outputs()[0][1].bound).all()


def test_sums_over_many_rows_do_not_stick() -> None:
    """4,096 rows of ones: added up in bfloat16 they come to 256."""
    rows = np.ones((4096, 2), BFLOAT16)
    gain = np.ones(2, BFLOAT16)
    for impl in (in_numpy, in_torch, in_jax):
        call = Call("layer_norm", (rows, gain, gain), cotangent=rows)
        reply = open_door(impl, "bfloat16", "cpu").ask(call)
        assert reply.gradients is not None
        assert reply.gradients[2].tolist() == [4096.0, 4096.0]


def test_what_is_wrapped_keeps_its_signature_and_its_dtypes() -> None:
    for name, function in in_numpy.functions.items():
        assert inspect.signature(function).parameters, name

    @in_float32
    def doubled(x: np.ndarray, *, more: dict[str, np.ndarray]) -> list[object]:
        assert x.dtype == np.float32
        return [x * 2, more["m"], 3, None]

    x = np.array([1.5, 2.0], np.float16)
    assert [getattr(leaf, "dtype", leaf) for leaf in doubled(x, more={"m": x})] == [np.float16, np.float16, 3, None]
    with pytest.raises(AssertionError):
        doubled(np.ones(1), more={})


def test_half_types_meet_fewer_sizes_only_beside_wider_ones() -> None:
    found = Found("numpy", in_numpy)
    whole = Budget(25)
    everything, alone = Suite([found], Selection(), whole), Suite([found], Selection(dtypes=HALF), whole)
    assert everything.budget_of(found, "float32", "softmax") is whole
    assert everything.budget_of(found, "bfloat16", "softmax").sizes == 4
    assert everything.budget_of(found, "bfloat16", "encoder").sizes == 2
    assert alone.budget_of(found, "bfloat16", "softmax") is whole


def test_divided_after_the_product_below_the_smallest_normal_number() -> None:
    """Step by step in float16 the product and the quotient are each rounded to a multiple of 2^-24, and half a multiple, all
    that is left of the product over the weights, does not bound the two."""
    rng, step, furthest = np.random.default_rng(0), 2.0**-24, 0.0
    for _ in range(50):
        q, k = (rng.standard_normal((2, 8, 4)).astype(np.float16) for _ in range(2))
        v = (step * rng.integers(-3, 4, (2, 8, 6))).astype(np.float16)
        question = Question(COMPONENTS["attention"], (q, k, v), {}, {"fully_masked": "zero"}, precision_of("float16"))
        truth = question.outputs()[0][1]
        distances = truth.distances(divided_last(q, k, v))
        assert (distances <= truth.bound).all()
        furthest = max(furthest, float(distances.max()))
    assert 0.55 * step < furthest < step


def test_a_derivative_of_a_norm_below_the_smallest_normal_number() -> None:
    """Step by step in float16: y mean(h y) is 2e-8, and rounded to 0; times r, which is 31, that is 6e-7."""
    unit = 2.0**-24
    x = (unit * np.array([[-33, -12, 37, 1, -29, -27, 40, -10]])).astype(np.float16)
    gamma, g = np.ones(8, np.float16), np.float16([[0, 84.44, 0, 0, 0, 0, 0, 0]])
    question = Question(COMPONENTS["rms_norm"], (x, gamma), {"eps": 1e-3}, {}, precision_of("float16"), cotangent=g)
    _, truth = question.gradients()[0]
    distances = truth.distances(rms_backward(g, x, gamma, eps=1e-3)[0])
    assert distances.max() > 8 * unit
    assert (distances <= truth.bound).all()
