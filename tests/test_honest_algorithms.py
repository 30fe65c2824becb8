"""Algorithms whose roundings a lemma admits in place of a formula are, in exact arithmetic, that formula: shown over balls."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_bounds import BITS, agree, arrays
from veriformer.spec import log_softmax, rms_norm
from veriformer.spec.adam import along
from veriformer.spec.cross_entropy import surprise
from veriformer.spec.numbers import Ball, number, working_precision
from veriformer.spec.silu import sigmoid


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
