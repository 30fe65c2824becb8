"""How far an honest layer norm may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.numbers.bounded import Bounded, or_infinite
from veriformer.spec.numbers.precision import FLOAT64, ROUNDOFFS, gamma


def forward(
    x: Bounded, gamma_: Any, beta: Any, *, eps: Any = 1e-5, variance: str = "biased", eps_place: str = "inside"
) -> Bounded:
    """(x - mean) r gamma + beta with r = 1 / sqrt(var + eps).

    The error of the mean is common to all c_i = x_i - mean, and sum c_i = 0: it enters the variance only squared, and
    with the errors d_i of the c_i themselves. So, for two passes,

        |var^ - var| <= mean(2 |c_i| d_i + d_i^2) + m^2 + 2 m mean(d_i) + (gamma_(n+2) + 3 u) var,   m = error of the mean.

    For one pass with corrections (Welford 1962, and its tiled form, Chan, Golub & LeVeque 1983) the running mean is off
    by at most (n / 2 + 2) u max|x|, which enters each term once: 2 m mean|c_i| in place of m^2. The bound is the larger.
    var + eps is never below eps; gamma r may be multiplied first. That |c_i| r <= sqrt(n) is no help: an honest running
    mean of 10000001 and 10000002 in float32 is one of them, the variance 0, and x-hat -316 and 0.
    Of 2^k equal numbers every honest mean is the number itself, so that beta comes out: see `kept`.
    A variance as E[x^2] - E[x]^2, or x * scale + shift, is not honest: both cancel.
    """
    return normal(x, eps, variance, eps_place)[0] * gamma_ + beta


def normal(x: Bounded, eps: Any, variance: str, eps_place: str) -> tuple[Bounded, Bounded, Bounded]:
    """(x - mean) r, r, and what the mean of products is multiplied by in the derivative; see `forward`."""
    precision, u, n = x.precision, x.precision.step.u, x.shape[-1]
    eps_number = x.lift(eps)
    mean = x.mean(-1, keepdims=True)
    with np.errstate(all="ignore"):
        c = x.value - mean.value
        same = kept(x) & np.isfinite(mean.error)
        mean_error = np.where(same, 0.0, mean.error)
        d = x.error + precision.step.half_ulp(np.abs(c) + x.error + mean_error)
        if precision.flushes:
            d = d + np.minimum(precision.step.tiny, np.abs(c) + d)
        largest = np.abs(x.value).max(-1, keepdims=True, initial=0.0)
        m = np.where(same, 0.0, np.maximum(mean_error, (n / 2 + 2) * u * largest))
        var = (c * c).mean(-1, keepdims=True)
        mean_d = d.mean(-1, keepdims=True)
        spread = (2 * np.abs(c) * d + d * d).mean(-1, keepdims=True)
        two_pass = mean_error**2 + 2 * mean_error * mean_d
        welford = m**2 + 2 * m * (np.abs(c).mean(-1, keepdims=True) + mean_d)
        dvar = spread + np.maximum(two_pass, welford)
        dvar = dvar + (gamma(n + 2, precision.accumulator.u) + 3 * u) * (var + dvar)
        if precision.flushes:
            dvar = dvar + np.minimum(2 * precision.step.tiny, var + dvar)
        # M2 = sum c^2; who joins parts of a and b numbers squares the difference D of their means, with D^2 a b / (a + b) <= M2
        # and so D^2 <= 2 M2. It may be kept in the accumulator or rounded to the step: the smaller range counts
        squares = 2 * (np.abs(c) + d + m) ** 2
        overflow = squares.sum(-1, keepdims=True) > min(precision.accumulator.largest, precision.step.largest)
        dvar = np.where(overflow | ~np.isfinite(dvar), np.inf, dvar)
        var, dvar = corrected(var, dvar, n, variance)
        reach = dvar * (2.0 if precision.step is FLOAT64 else 1.0)
        r, dr = inverse_root(var, reach, eps_number, u, eps_place)
        y = c * r
        dy = (d + m) * r + np.abs(c) * dr + (d + m) * dr
    factor = 1.0 if variance == "biased" else n / max(n - 1, 1)
    if eps_place == "inside":
        return x.rounded(y, dy, 2), x.of(r, dr), x.of(factor * r, factor * dr)
    root, droot = inverse_root(var, reach, x.lift(0), u, "inside")
    return x.rounded(y, dy, 2), x.of(r, dr), x.of(factor * root, factor * droot)


def kept(x: Bounded) -> np.ndarray:
    """Rows of n = 2^k equal numbers a, given exactly, whose every honest mean is a.

    In any order of summation the partial sums are j a with j <= n: exact, where a leaves k digits of the accumulator free.
    n a, if it is rounded to the step, and the division by n or the product with 1 / n, are exact for a power of two. A running
    mean, tiled or not, adds a difference of 0. (For n = 3, a times the rounded 1 / 3 is not a.)
    """
    n = x.shape[-1]
    if n == 0 or n & (n - 1):
        return np.zeros((*x.shape[:-1], 1), bool)
    first = x.value[..., :1]
    mantissa, _ = np.frexp(first)
    scaled = np.ldexp(mantissa, x.precision.accumulator.digits - (n.bit_length() - 1))
    equal = ((x.value == first) & (x.error == 0)).all(-1, keepdims=True)
    return np.asarray(equal & (scaled == np.rint(scaled)) & np.isfinite(first))


def corrected(var: np.ndarray, dvar: np.ndarray, n: int, variance: str) -> tuple[np.ndarray, np.ndarray]:
    """The unbiased variance divides by n - 1; for n = 1 it is 0 / 0, where nothing can be said."""
    if variance == "biased":
        return var, dvar
    factor = n / (n - 1) if n > 1 else np.inf
    return var * factor if n > 1 else var, dvar * factor if n > 1 else np.full_like(dvar, np.inf)


def inverse_root(
    var: np.ndarray, dvar: np.ndarray, eps: Bounded, u: float, eps_place: str
) -> tuple[np.ndarray, np.ndarray]:
    """r = 1 / sqrt(var + eps), or 1 / (sqrt(var) + eps) by the other convention, at both ends of the variance."""

    def at(v: np.ndarray, e: np.ndarray) -> np.ndarray:
        return np.asarray(1 / np.sqrt(v + e) if eps_place == "inside" else 1 / (np.sqrt(v) + e))

    r = at(var, eps.value)
    low = np.maximum(var - dvar, 0.0)
    highest = at(low * (1 - 3 * u), np.maximum(eps.value - eps.error, 0.0) * (1 - 3 * u))
    lowest = at((var + dvar) * (1 + 3 * u), eps.size_at_most * (1 + 3 * u))
    dr = np.maximum(highest - r, r - lowest) + ROUNDOFFS["rsqrt"] * u * r
    return r, np.where(np.isfinite(dvar) & np.isfinite(dr), dr, np.inf)


def backward(
    g: Bounded,
    x: Bounded,
    gamma_: Bounded,
    beta: Bounded,
    *,
    eps: Any = 1e-5,
    variance: str = "biased",
    eps_place: str = "inside",
) -> tuple[Bounded, Bounded, Bounded]:
    """With h = g gamma and y = (x - mean) r, over the n features of a row:

    dx = r (h - mean(h) - y mean(h y)),   dgamma = sum over the rows of g y,   dbeta = sum over the rows of g.
    """
    y, r, k = normal(x, eps, variance, eps_place)
    return cotangent_of_norm(g * gamma_, y, r, k, centred=True), g * y, g


def cotangent_of_norm(h: Bounded, y: Bounded, r: Bounded, k: Bounded, *, centred: bool) -> Bounded:
    """dx = r (h - mean(h)) - k y mean(h y), without mean(h) where the norm does not centre; k is r but for conventions.

    Sanctioned are the fused form (PyTorch's kernel, from the stored mean and r), and the derivatives of mean, squares and root
    one after the other, in any order. The errors of h, y, r and k enter to first and second order. Besides, with
    A = r (|h| + mean|h|) and C = k |y| mean(|h| |y|), the magnitudes of what is added:

        16 u (A + C)                        the roundings of the products, r^3 formed or not
        gamma_(n+2) (A + C + k mean(|h y|) mean|y|)    three sums over the row; the third is the derivative by the mean,
        k mean(|h y|) mean(error of y)      which is 0 only as far as the computed y sum to 0.

    Where r^3 overflows (float16 from a deviation of 0.025 down) nothing is claimed, nor where the derivative by the variance
    does, which is divided by n only after it: sum |h c| r^3 = n mean(|h y|) r^2. Where r^3 is flushed, the second term may be
    lost as a whole. What lies below the smallest normal number is rounded to half a step of that, or flushed: products h y
    and their mean, which k |y| enlarges; y mean(h y), which r does; k mean(h y) and k y, which |y| and mean|h y| do; and
    r h.
    """
    precision, n = h.precision, h.shape[-1]
    u, step = precision.step.u, precision.step

    def mean(array: np.ndarray) -> np.ndarray:
        return np.asarray(array.mean(-1, keepdims=True))

    with np.errstate(all="ignore"):
        sizes, lengths = h.size_at_most, y.size_at_most
        r_most, k_most = r.size_at_most, k.size_at_most
        together = mean(sizes * lengths)
        value = r.value * h.value - k.value * y.value * mean(h.value * y.value)
        first = r_most * sizes
        error = r_most * h.error + r.error * np.abs(h.value)
        if centred:
            value = value - r.value * mean(h.value)
            first = first + r_most * mean(sizes)
            error = error + r_most * mean(h.error) + r.error * mean(np.abs(h.value))
        second = k_most * lengths * together
        error = error + second - np.abs(k.value * y.value) * mean(np.abs(h.value * y.value))
        own = 16 * u * (first + second) + gamma(n + 2, precision.accumulator.u) * (first + second)
        if centred:
            own = own + gamma(n + 2, precision.accumulator.u) * k_most * together * mean(lengths)
            own = own + k_most * together * mean(y.error)
        cube = r_most**3
        lost = cube < 8 * step.tiny if precision.flushes else cube < step.tiny / u * 2
        error = error + own + np.where(lost, second, 0.0)
        faintest = step.tiny if precision.flushes else step.half_ulp(np.zeros(()))
        enlarged = 1 + r_most + (1 + k_most) * lengths + together
        error = error + np.minimum(4 * faintest * enlarged, first + second)
        by_variance = n * together * np.maximum(r_most, k_most) ** 2
        error = np.where(np.maximum(cube, by_variance) > step.largest, np.inf, error)
    return h.rounded(value, or_infinite(error), 4)
