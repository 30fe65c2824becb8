"""Honest algorithms stay within the derived bounds in float32, whatever their order of operations; dishonest ones do not.

Each algorithm of the lists in the spec's files is written out plainly, in float32, in several orders of summation and
tile sizes, and meets every kind of values. One accusation here is a false alarm of the suite.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from veriformer.properties import SUBJECTS
from veriformer.properties.formula import Question
from veriformer.properties.probes import KINDS, Draw, numpy_dtype
from veriformer.properties.seeds import seed_of
from veriformer.properties.truth import Truth
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

Array = np.ndarray
F32 = np.float32
SEEDS = (0, 1, 2)


@functools.cache
def case_of(
    component: str, row: int, kind: str, seed: int, dtype: str = "float32"
) -> tuple[tuple[Any, ...], dict[str, Any], Truth]:
    """Arguments, options and the certified truth of one draw."""
    subject = SUBJECTS[component]
    recipe = Draw(subject.rows[row], kind, seed_of(component, row, kind, seed), dtype, subject.top(dtype))
    case = subject.draw(recipe)
    silent = {"fully_masked": "zero"} if component == "softmax" else {}
    question = Question(COMPONENTS[component], case.arguments, case.options, silent, precision_of(dtype))
    return case.arguments, dict(case.options), question.outputs()[0][1]


def excess(truth: Truth, answer: Array) -> float:
    """The largest share of its bound that any element takes; those without a bound are left out."""
    with np.errstate(all="ignore"):
        ratio = truth.distances(answer) / truth.bound
    judged = np.isfinite(truth.bound) & ~np.isnan(ratio)
    return float(np.max(ratio, where=judged, initial=0.0))


def in_turn(x: Array) -> Array:
    """The sum over the last axis, from left to right."""
    return functools.reduce(np.add, np.moveaxis(x, -1, 0), np.zeros(x.shape[:-1], x.dtype))[..., None]


def in_reverse(x: Array) -> Array:
    return in_turn(x[..., ::-1])


def in_pairs(x: Array) -> Array:
    half = x.shape[-1] // 2
    return x if x.shape[-1] <= 1 else in_pairs(x[..., :half]) + in_pairs(x[..., half:])


def in_falling_order(x: Array) -> Array:
    """The order that rounds most: small terms come last."""
    return in_turn(-np.sort(-x, axis=-1))


def by_numpy(x: Array) -> Array:
    return np.sum(x, axis=-1, keepdims=True)


SUMS = (by_numpy, in_turn, in_reverse, in_pairs, in_falling_order)


def masked(x: Array, mask: Array | None) -> Array:
    return x if mask is None else np.where(mask, x, F32(-np.inf))


def above(x: Array) -> Array:
    """The maximum of each row, 0 where there is none."""
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    return np.where(top == -np.inf, 0, top).astype(F32)


def over(numerators: Array, total: Array) -> Array:
    return numerators / np.where(total == 0, F32(1), total)


def shifted(x: Array, mask: Array | None, total: Callable[[Array], Array], *, reciprocal: bool = False) -> Array:
    exponentials = np.exp(masked(x, mask) - above(masked(x, mask)))
    return exponentials * over(F32(1), total(exponentials)) if reciprocal else over(exponentials, total(exponentials))


def naive(x: Array, mask: Array | None, total: Callable[[Array], Array]) -> Array | None:
    """exp(x) / sum exp(x), where nothing overflows."""
    logits = masked(x, mask)
    if np.abs(x).max() > 80:
        return None
    return over(np.exp(logits), total(np.exp(logits)))


def folded(x: Array, mask: Array | None) -> Array:
    """exp2 of the difference times log2(e)."""
    exponentials = np.exp2((masked(x, mask) - above(masked(x, mask))) * F32(np.log2(np.e)))
    return over(exponentials, by_numpy(exponentials))


Part = tuple[Array, Array, Array]
"""Maximum, sum of exponentials and their numerators, of some of the entries."""


def part(tile: Array) -> Part:
    top = np.max(tile, axis=-1, keepdims=True)
    numerators = np.exp(tile - above(tile))
    return top, by_numpy(numerators), numerators


def joined(a: Part, b: Part) -> Part:
    """Both rescaled to the common maximum."""
    top = np.maximum(a[0], b[0])
    shift = np.where(top == -np.inf, 0, top).astype(F32)
    left, right = (np.exp(one[0] - shift).astype(F32) for one in (a, b))
    return top, a[1] * left + b[1] * right, np.concatenate([a[2] * left, b[2] * right], axis=-1)


def online(x: Array, mask: Array | None, block: int, *, backwards: bool = False) -> Array:
    tiles = [part(masked(x, mask)[..., i : i + block]) for i in range(0, x.shape[-1], block)]
    if backwards:
        _, total, numerators = functools.reduce(lambda right, left: joined(left, right), reversed(tiles))
    else:
        _, total, numerators = functools.reduce(joined, tiles)
    return over(numerators, total)


def by_tree(x: Array, mask: Array | None, seed: int) -> Array:
    """Contiguous parts, joined in an order drawn at random."""
    parts = [part(masked(x, mask)[..., i : i + 1]) for i in range(x.shape[-1])]
    rng = np.random.default_rng(seed)
    while len(parts) > 1:
        i = int(rng.integers(len(parts) - 1))
        parts[i : i + 2] = [joined(parts[i], parts[i + 1])]
    return over(parts[0][2], parts[0][1])


def of_log_sum(x: Array, mask: Array | None) -> Array:
    """exp(x - max - log sum)."""
    logits = masked(x, mask) - above(masked(x, mask))
    total = by_numpy(np.exp(logits))
    return np.exp(logits - np.log(np.where(total == 0, F32(1), total)))


SOFTMAX: dict[str, Callable[[Array, Array | None], Array | None]] = {
    **{f"shifted, summed {total.__name__}": functools.partial(shifted, total=total) for total in SUMS},
    **{f"naive, summed {total.__name__}": functools.partial(naive, total=total) for total in SUMS[:2]},
    "times the reciprocal": functools.partial(shifted, total=in_turn, reciprocal=True),
    "exp2": folded,
    "exp of log softmax": of_log_sum,
    **{f"online, tiles of {block}": functools.partial(online, block=block) for block in (1, 2, 3, 16)},
    **{
        f"online, from the end, tiles of {block}": functools.partial(online, block=block, backwards=True)
        for block in (1, 4)
    },
    **{f"tree {seed}": functools.partial(by_tree, seed=seed) for seed in (0, 1)},
}


@pytest.mark.parametrize("name", SOFTMAX)
def test_softmax(name: str) -> None:
    for row in (0, 2, 3, 4, 5, 6):
        for kind in KINDS:
            for seed in SEEDS:
                (x,), options, truth = case_of("softmax", row, kind, seed)
                with np.errstate(all="ignore"):
                    answer = SOFTMAX[name](x, options.get("mask"))
                assert answer is None or excess(truth, answer) <= 1, f"{kind} in row {row}, seed {seed}: {x.tolist()}"


def test_a_weight_below_half_the_smallest_number_may_be_rounded_up() -> None:
    """exp(-103.9) = 0.53 of the smallest number becomes that number, and its quotient by 1.82 the same once more."""
    x = np.array([0.0, -0.2, -103.95], F32)
    truth = Question(COMPONENTS["softmax"], (x,), {}, {"fully_masked": "zero"}, precision_of("float32")).outputs()[0][1]
    assert excess(truth, shifted(x, None, by_numpy)) <= 1


def finished(centred: Array, variance: Array, gamma: Array, beta: Array, eps: float, *, gain_first: bool) -> Array:
    root = np.sqrt(variance + F32(eps))
    return centred * (F32(1) / root * gamma) + beta if gain_first else centred / root * gamma + beta


def two_passes(x: Array, total: Callable[[Array], Array], *, by_reciprocal: bool = False) -> tuple[Array, Array]:
    n = F32(x.shape[-1])

    def mean(values: Array) -> Array:
        return total(values) * (F32(1) / n) if by_reciprocal else total(values) / n

    return x - mean(x), mean((x - mean(x)) ** 2)


Moments = tuple[int, Array, Array]
"""Count, mean and sum of squared differences."""


def welford(x: Array) -> Moments:
    mean, squares = np.zeros(x.shape[:-1], F32), np.zeros(x.shape[:-1], F32)
    for i in range(x.shape[-1]):
        difference = x[..., i] - mean
        mean = mean + difference / F32(i + 1)
        squares = squares + difference * (x[..., i] - mean)
    return x.shape[-1], mean, squares


def together(a: Moments, b: Moments) -> Moments:
    """Chan, Golub & LeVeque 1983."""
    n, difference = a[0] + b[0], b[1] - a[1]
    mean = a[1] + difference * (F32(b[0]) / F32(n))
    return n, mean, a[2] + b[2] + difference * difference * (F32(a[0]) * F32(b[0]) / F32(n))


def tiled(x: Array, block: int) -> tuple[Array, Array]:
    tiles = [welford(x[..., i : i + block]) for i in range(0, x.shape[-1], block)]
    n, mean, squares = functools.reduce(together, tiles)
    return x - mean[..., None], (squares / F32(n))[..., None]


MOMENTS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    **{f"two passes, summed {total.__name__}": functools.partial(two_passes, total=total) for total in SUMS},
    "two passes, times 1 / n": functools.partial(two_passes, total=in_turn, by_reciprocal=True),
    **{f"one pass with corrections, tiles of {b}": functools.partial(tiled, block=b) for b in (1, 2, 3, 8, 10**9)},
}


@pytest.mark.parametrize("gain_first", [False, True])
@pytest.mark.parametrize("name", MOMENTS)
def test_layer_norm(name: str, gain_first: bool) -> None:
    for row in (0, 1, 2, 3, 5, 7):
        for kind in KINDS:
            for seed in SEEDS:
                (x, gamma, beta), options, truth = case_of("layer_norm", row, kind, seed)
                with np.errstate(all="ignore"):
                    centred, variance = MOMENTS[name](x)
                    answer = finished(centred, variance, gamma, beta, options.get("eps", 1e-5), gain_first=gain_first)
                assert excess(truth, answer) <= 1, f"{kind} in row {row}, seed {seed}: {x.tolist()}"


def cancelling(x: Array, gamma: Array, beta: Array, eps: float) -> Array:
    """The variance as E[x^2] - E[x]^2."""
    mean = by_numpy(x) / F32(x.shape[-1])
    variance = np.maximum(by_numpy(x * x) / F32(x.shape[-1]) - mean * mean, 0)
    return finished(x - mean, variance, gamma, beta, eps, gain_first=False)


def test_a_variance_that_cancels_is_refuted() -> None:
    worst = 0.0
    for row in (1, 3, 7):
        for seed in SEEDS:
            (x, gamma, beta), options, truth = case_of("layer_norm", row, "offset", seed)
            worst = max(worst, excess(truth, cancelling(x, gamma, beta, options.get("eps", 1e-5))))
    assert worst > 1


def test_a_sum_of_squares_may_overflow_in_float16() -> None:
    """Each square is within the range, their sum is not: eager code that sums first and divides then answers beta."""
    x, gamma, beta = np.array([240, -240, 240, -240], np.float16), np.ones(4, np.float16), np.zeros(4, np.float16)
    truth = Question(COMPONENTS["layer_norm"], (x, gamma, beta), {}, {}, precision_of("float16")).outputs()[0][1]
    with np.errstate(over="ignore"):
        total = np.sum(x * x, dtype=F32).astype(np.float16)
    assert np.isinf(total)
    assert excess(truth, x / np.sqrt(total / np.float16(4) + np.float16(1e-5))) <= 1


def test_weights_below_the_smallest_normal_number_of_float16() -> None:
    """Each may be off by half a quantum of 2^-24 after exp, and by another after the division."""
    x = np.arange(9.5, 17, 2.0**-7).astype(np.float16)
    x = np.stack([np.zeros_like(x), -x], axis=-1)
    truth = Question(COMPONENTS["softmax"], (x,), {}, {"fully_masked": "zero"}, precision_of("float16")).outputs()[0][1]
    exponentials = np.exp(x.astype(F32)).astype(np.float16)
    total = np.sum(exponentials, axis=-1, keepdims=True, dtype=F32).astype(np.float16)
    assert excess(truth, exponentials / total) <= 1


def of_equal_numbers(a: float, n: int, dtype: str) -> tuple[Array, Truth]:
    """n equal numbers, and the truth of their layer norm, which is 0."""
    x = np.full((1, n), a, np.float64).astype(numpy_dtype(dtype))
    gamma, beta = np.ones(n, x.dtype), np.zeros(n, x.dtype)
    question = Question(COMPONENTS["layer_norm"], (x, gamma, beta), {}, {}, precision_of(dtype, "layer"))
    return x, question.outputs()[0][1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("n", [1, 2, 8, 64])
def test_a_power_of_two_of_equal_numbers_has_their_mean(n: int, dtype: str) -> None:
    """Summed in any order, in float32, or run through by Welford's recurrence: what is left is 0, and no less is honest."""
    x, truth = of_equal_numbers(12345.0, n, dtype)
    wide = x.astype(F32)
    for centred, variance in [two_passes(wide, total) for total in SUMS] + [
        tiled(wide, block) for block in (1, 3, 10**9)
    ]:
        answer = finished(centred, variance, np.ones(n, F32), np.zeros(n, F32), 1e-5, gain_first=False)
        assert excess(truth, answer.astype(x.dtype)) <= 1
    r = F32(1) / np.sqrt(F32(1e-5))
    scaled = (wide.astype(np.float64) * float(r) - np.float64(wide[..., :1] * r)).astype(
        F32
    )  # x * scale + shift, fused
    assert excess(truth, scaled.astype(x.dtype)) > 1


def test_three_equal_numbers_may_miss_their_mean() -> None:
    """a times the rounded 1 / 3 is not a, and a third of a sum in float16 alone may not be either."""
    _, truth = of_equal_numbers(12345.0, 3, "bfloat16")
    assert (truth.bound > 1e-3).all()


def test_a_mixture_of_two_losses_may_overflow_where_the_loss_does_not() -> None:
    """Smoothed, sum_k log p_k is formed before it is divided by the number of classes."""
    x = np.array([[0.0, *[-9000.0] * 9]], np.float16)
    for e, finite in ((0.1, False), (0.0, True)):
        options = {"label_smoothing": e, "reduction": "none"}
        question = Question(COMPONENTS["cross_entropy"], (x, np.array([1])), options, {}, precision_of("float16"))
        assert np.isfinite(question.outputs()[0][1].bound).all() == finite
