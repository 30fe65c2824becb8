"""Algorithms whose roundings a lemma admits in place of a formula are, in exact arithmetic, that formula: shown over balls."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from tests.test_bounds import BITS, agree, arrays
from veriformer.spec import apply_dropout, log_softmax, rms_norm, weight_decay
from veriformer.spec.adam import along, both, correction, mean_square
from veriformer.spec.bounds import adam as bound_of_adam
from veriformer.spec.bounds import apply_dropout as bound_of_dropout
from veriformer.spec.bounds import clip_by_global_norm as bound_of_clipping
from veriformer.spec.bounds import weight_decay as bound_of_decay
from veriformer.spec.clip_by_global_norm import limited, norm
from veriformer.spec.cross_entropy import surprise
from veriformer.spec.gradient_accumulation import mean_over
from veriformer.spec.linear_schedule import falling
from veriformer.spec.numbers import Ball, number, working_precision
from veriformer.spec.silu import sigmoid
from veriformer.spec.warmup_schedule import rate


def ball(array: np.ndarray) -> Ball:
    return Ball.given(array)


def test_sigmoids() -> None:
    """As XLA has it, (1 + tanh(x / 2)) / 2; and from the other side, exp(x) / (1 + exp(x))."""
    (x,) = arrays((9,), size=5)
    with working_precision(BITS):
        formula = sigmoid(ball(x))
        agree((1 + np.tanh(ball(x) / 2)) / 2, formula)
        agree(np.exp(ball(x)) / (1 + np.exp(ball(x))), formula)


def test_logarithms_of_softmaxes() -> None:
    """Shifted by the maximum, the logarithm of the sum taken off; and the log-sum-exp taken off as one number."""
    (x,) = arrays((3, 6), size=5)
    with working_precision(BITS):
        formula, top = log_softmax(ball(x)), x.max(-1, keepdims=True)
        log_sum = np.log(np.exp(ball(x) - top).sum(-1, keepdims=True))
        agree(ball(x) - top - log_sum, formula)
        agree(ball(x) - (log_sum + top), formula)


def test_cross_entropies() -> None:
    """A L - sum_k a_k x_k, with A the sum of the shares a and L = log sum exp x (Liger, flash-attention)."""
    x, shares = arrays((3, 6), (3, 6), size=2)
    with working_precision(BITS):
        formula = surprise(ball(x), ball(shares))
        log_sum = np.log(np.exp(ball(x)).sum(-1))
        agree(ball(shares).sum(-1) * log_sum - (ball(shares) * ball(x)).sum(-1), formula)


def test_root_mean_squares() -> None:
    """gamma / rms first, or x / rms first."""
    x, gamma = arrays((3, 6), (6,))
    with working_precision(BITS):
        formula = rms_norm(ball(x), ball(gamma), eps=2.0**-17)
        root = np.sqrt((ball(x) * ball(x)).mean(-1, keepdims=True) + number(2.0**-17, like=ball(x)))
        agree(ball(x) * (ball(gamma) / root), formula)
        agree(ball(x) / root * ball(gamma), formula)


@pytest.mark.parametrize("eps_place", ["after_correction", "before_correction"])
def test_steps_of_adam(eps_place: str) -> None:
    """The corrections in the moments, in the rate (Kingma & Ba 2015, before section 2.1), or in both (PyTorch)."""
    m, root_of_v = arrays((5,), (5,))
    with working_precision(BITS):
        m_, v = ball(m), ball(root_of_v) * ball(root_of_v)
        c_1, c_2, lr, eps = (ball(np.asarray(value)) for value in (0.5, 0.25, 2.0, 2.0**-10))
        formula = along(m_, v, (c_1, c_2), lr, eps, eps_place=eps_place)
        corrected = eps if eps_place == "after_correction" else eps / np.sqrt(c_2)
        agree(lr * np.sqrt(c_2) / c_1 * m_ / (np.sqrt(v) + corrected * np.sqrt(c_2)), formula)
        agree(lr / c_1 * m_ / (np.sqrt(v) / np.sqrt(c_2) + corrected), formula)
        agree(lr * (m_ / c_1) / (np.sqrt(v / c_2) + corrected), formula)


def test_averages() -> None:
    """beta a + (1 - beta) b, and an interpolation from either end (torch.lerp)."""
    a, b = arrays((5,), (5,))
    with working_precision(BITS):
        beta, old, new = ball(np.asarray(0.75)), ball(a), ball(b)
        agree(old + (1 - beta) * (new - old), beta * old + (1 - beta) * new)
        agree(new - beta * (new - old), beta * old + (1 - beta) * new)


@pytest.fixture
def every_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], list[int]]:
    """The ways of a lemma, taken over balls as they stand in its file: each must be the first one. Their numbers are told."""

    def of(module: ModuleType) -> list[int]:
        met: list[int] = []

        def all_agree(*ways: Ball) -> Ball:
            for way in ways[1:]:
                agree(way, ways[0])
            met.append(len(ways))
            return ways[0]

        monkeypatch.setattr(module, "in_any_order", all_agree)
        return met

    return of


def test_ways_to_clip(every_way: Callable[[ModuleType], list[int]]) -> None:
    """By a factor, by g / m first, by g c first, by the reciprocal of m: where the gradient is clipped and where it is not."""
    met = every_way(bound_of_clipping)
    (g,) = arrays((7,))
    with working_precision(BITS):
        for length in (0.25, 3.0):
            parts = ball(g), ball(np.asarray(length)), ball(np.asarray(1.5))
            agree(bound_of_clipping.limited(*parts), limited(*parts))
    assert met == [4, 4]


@pytest.mark.parametrize("eps_place", ["after_correction", "before_correction"])
def test_ways_of_a_step(every_way: Callable[[ModuleType], list[int]], eps_place: str) -> None:
    """Every product and quotient that the lemma on Adam forms, as it forms them."""
    met = every_way(bound_of_adam)
    m, root_of_v = arrays((5,), (5,))
    with working_precision(BITS):
        m_, v = ball(m), ball(root_of_v) * ball(root_of_v)
        c_1, c_2, lr, eps = (ball(np.asarray(value)) for value in (0.5, 0.375, 2.0, 2.0**-10))
        taken = bound_of_adam.displacement(m_, v, (c_1, c_2), lr, eps, eps_place=eps_place)
        agree(taken, along(m_, v, (c_1, c_2), lr, eps, eps_place=eps_place))
    assert met == [2, 2, 7]


def test_mean_squares_and_decay() -> None:
    """((1 - beta) g) g; the decay as a factor of p, in the step, before it and after it, multiplied by lr with the step."""
    old, g, p = arrays((5,), (5,), (5,))
    with working_precision(BITS):
        beta, share, lr = (ball(np.asarray(value)) for value in (0.75, 0.125, 0.5))
        agree(beta * ball(old) + (1 - beta) * ball(g) * ball(g), mean_square(ball(old), ball(g), beta))
        p_, step = ball(p), ball(g)
        for way in (p_ * (1 - share) - step, p_ - (step + share * p_), p_ - step - share * p_):
            agree(way, both(p_, step, share))
        agree(p_ - lr * (step / lr + share / lr * p_), both(p_, step, share))


@pytest.mark.parametrize("step", [1, 7])
def test_corrections_that_grow_by_a_factor_a_step(step: int) -> None:
    """beta^t as a product that is kept and multiplied once a step (TensorFlow)."""
    with working_precision(BITS):
        beta = ball(np.asarray(0.875))
        kept = beta
        for _ in range(step - 1):
            kept = kept * beta
        agree(1 - kept, correction(beta, step))


def test_norms_of_several_arrays() -> None:
    """All squares added; the norm of the norms; the largest number taken out first."""
    some = [ball(array) for array in arrays((3, 2), (4,), (1,))]
    with working_precision(BITS):
        formula = norm(*some)
        norms = [np.sqrt((array * array).sum()) for array in some]
        agree(np.sqrt(sum((one * one for one in norms[1:]), norms[0] * norms[0])), formula)
        largest = ball(np.asarray(max(np.abs(array.centres()).max() for array in some)))
        shares = [((array / largest) * (array / largest)).sum() for array in some]
        agree(largest * np.sqrt(sum(shares[1:], shares[0])), formula)


def test_ways_to_scale_what_is_kept(every_way: Callable[[ModuleType], list[int]]) -> None:
    """Over the share that is kept, or times its reciprocal; the cotangent too."""
    met = every_way(bound_of_dropout)
    (x,) = arrays((9,))
    kept = np.arange(9) % 2 == 0
    with working_precision(BITS):
        share = ball(np.asarray(0.75))
        agree(
            np.where(kept, bound_of_dropout.forward(ball(x), share), ball(np.zeros(9))),
            apply_dropout(ball(x), kept, 0.25),
        )
        agree(bound_of_dropout.backward(ball(x), ball(x), share)[0], ball(x) / share)
    assert met == [2, 2]


def test_ways_to_decay(every_way: Callable[[ModuleType], list[int]]) -> None:
    """p - (lr rate) p, p - lr (rate p), p (1 - lr rate)."""
    met = every_way(bound_of_decay)
    (p,) = arrays((9,))
    with working_precision(BITS):
        taken = bound_of_decay.forward(ball(p), ball(np.asarray(0.5)), ball(np.asarray(0.125)))
        agree(taken, weight_decay({"p": ball(p)}, lr=0.5, rate=0.125)["p"])
    assert met == [3]


def test_ways_to_accumulate() -> None:
    """The division after the sum, before it, or as a product with the reciprocal of the count."""
    (parts,) = arrays((4, 3))
    with working_precision(BITS):
        count = ball(np.asarray(7.0))
        formula = mean_over(ball(parts), count)
        agree((ball(parts) / count).sum(0), formula)
        agree((ball(parts) * (1 / count)).sum(0), formula)


@pytest.mark.parametrize("step", [3, 40, 4000])
def test_schedules_by_powers(step: int) -> None:
    """d_model^-0.5 min(step^-0.5, step warmup^-1.5): the powers as exponentials of logarithms, as the library has them."""
    with working_precision(BITS):
        t, width, warmup = (ball(np.asarray(float(n))) for n in (step, 512, 40))

        def power(x: Ball, exponent: float) -> Ball:
            return np.exp(np.log(x) * ball(np.asarray(exponent)))

        branches = power(width, -0.5) * power(t, -0.5), power(width, -0.5) * (t * power(warmup, -1.5))
        agree(branches[step < 40], rate(t, width, warmup))


@pytest.mark.parametrize("step", [5, 7, 12])
def test_what_is_left_of_a_schedule(step: int) -> None:
    """(T - t) / (T - w), and 1 - (t - w) / (T - w)."""
    with working_precision(BITS):
        t, warmup, total = (ball(np.asarray(float(n))) for n in (step, 5, 12))
        agree(1 - (t - warmup) / (total - warmup), falling(t, warmup, total))
