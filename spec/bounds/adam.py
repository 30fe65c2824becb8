"""How far an honest step of Adam may land from the truth: its moments, its bias correction, and how far it goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from veriformer.spec.numbers.bounded import Bounded, in_any_order, or_infinite
from veriformer.spec.numbers.precision import FLOAT32, ROUNDOFFS


def hyper(beta: Bounded) -> Bounded:
    """beta where hyper-parameters are computed with: in the step's format, and in float32 where that is a half type.

    No library keeps them in less: in bfloat16 0.999 is 1, and 1 - beta is 0. PyTorch and optax hold Python floats.
    """
    precision = beta.precision
    if precision.step.digits >= FLOAT32.digits:
        return beta
    wide = replace(precision, step=FLOAT32, product=FLOAT32)
    return Bounded(beta.value, np.where(FLOAT32.holds(beta.value), 0.0, FLOAT32.half_ulp(beta.value)), wide)


def for_tensors(number: Bounded, like: Bounded) -> Bounded:
    """A hyper-parameter as tensors meet it: rounded once to their format, where that is narrower."""
    return number if number.precision is like.precision else like.rounded(number.value, number.error)


def average(old: Bounded, new: Bounded, beta: Bounded) -> Bounded:
    """beta old + (1 - beta) new, or an interpolation from either end: old + (1 - beta) (new - old), new - beta (new - old).

    Operation by operation an interpolation meets the error of `old` twice, and after many steps nothing would be known. The
    exact average of what was computed is off by no more than beta |d old| + (1 - beta) |d new| + d (|old| + |new|), where d
    is the larger error of the two weights: a mean forgets errors as it forgets numbers. What its operations round is bounded
    by what they would round, were all numbers as large as they can be and of one sign; each of the three may be flushed too.

    From the new end nobody may start in a half type where beta is above 1/2: beta is rounded there, 0.999 to 1, and an average
    of squares would be 0 or less. PyTorch's lerp starts from the nearer end. What is left is off by d_beta |old| or
    d_(1 - beta) (|old| + |new|), each weight's own error.
    """
    rest = for_tensors(1 - hyper(beta), old)
    from_either = old.precision.step.digits >= FLOAT32.digits or bool((beta.value <= 0.5).all())
    ways = in_any_order(beta * old + rest * new, old + rest * (new - old))
    if from_either:
        ways = in_any_order(ways, new - beta * (new - old))
    with np.errstate(all="ignore"):
        off = np.maximum(beta.error, rest.error)
        inherited = (beta.value + off) * old.error + (rest.value + off) * new.error
        apart, of_old = (off, 0.0) if from_either else (rest.error, beta.error)
        inherited = inherited + apart * (old.size_at_most + new.size_at_most) + of_old * old.size_at_most
        one, other = (x.of(x.size_at_most, 0.0) for x in (old, new))
        share, left = beta.of(beta.value + off, 0.0), rest.of(rest.value + off, 0.0)
        largest = in_any_order(share * one + left * other, one + left * (other + one))
        if from_either:
            largest = in_any_order(largest, other + share * (other + one))
        tiny = old.precision.step.tiny if old.precision.flushes else np.finfo(np.float64).smallest_normal
        flushed = np.minimum(3 * tiny, 3 * (one.value + other.value))
        error = np.fmin(ways.error, inherited + largest.error + flushed)
    return ways.of(ways.value, error)


def mean_square(old: Bounded, g: Bounded, beta: Bounded) -> Bounded:
    """An average of g g; ((1 - beta) g) g, as a fused multiply-add has it, may underflow where g g does not."""
    rest = for_tensors(1 - hyper(beta), old)
    return in_any_order(average(old, g * g, beta), beta * old + rest * g * g)


def correction(beta: Bounded, step: int) -> Bounded:
    """1 - beta^step. The power is one of the library, or a product that grew by one factor with each step (TensorFlow keeps
    it in a variable): t roundings, and t times what rounds beta itself.

    The difference cancels: for beta = 0.999 the first correction is 1000 times smaller than what it is the difference of,
    and in float32 good to 6e-5. Who keeps hyper-parameters as Python floats is far better, but need not be.
    """
    given = hyper(beta)
    u = given.precision.step.u
    power = given.value**step
    with np.errstate(all="ignore"):
        off = np.where(given.value > 0, given.error / given.value, 0.0)
        error = power * np.expm1((step + ROUNDOFFS["power"]) * u + 2 * step * off)  # 2: the terms of second order
    return for_tensors(1 - given.rounded(power, error), beta)


def displacement(
    m: Bounded, v: Bounded, corrections: tuple[Bounded, Bounded], lr: Bounded, eps: Bounded, *, eps_place: str
) -> Bounded:
    """lr (m / c_1) / (sqrt(v / c_2) + eps), with the corrections applied to the moments; or to the rate, as Kingma & Ba
    propose before their section 2.1: (lr sqrt(c_2) / c_1) m / (sqrt(v) + eps sqrt(c_2)); or lr / c_1 as the rate and
    sqrt(v) / sqrt(c_2) below (PyTorch). The factors come in any order, and a quotient may be a product with a reciprocal.

    eps_place="before_correction" adds eps to sqrt(v): then eps / sqrt(c_2) is added to the corrected root.
    """
    c_1, c_2 = corrections
    root = np.sqrt(c_2)
    if eps_place == "after_correction":
        to_corrected, to_plain = eps, eps * root
    else:
        to_corrected, to_plain = eps / root, eps
    below = in_any_order(np.sqrt(v / c_2) + to_corrected, np.sqrt(v) / root + to_corrected)
    plainly_below = np.sqrt(v) + to_plain
    one, unit, rate = m.lift(1), m / c_1, lr / c_1
    whole_rate = in_any_order(lr * root / c_1, lr * (root / c_1))
    return in_any_order(
        lr * unit / below,
        lr * (unit / below),
        lr * unit * (one / below),
        rate * m / below,
        rate * (m / below),
        whole_rate * m / plainly_below,
        whole_rate * (m / plainly_below),
    )


def decayed(p: Bounded, step: Bounded, share: Bounded) -> Bounded:
    """p - share p - step, the decay before the step or after it, as a factor of p or as a part of the step.

    optax adds the decay to the step while both are still to be multiplied by lr, and rounds three times on the way: 3 u of
    each part more.
    """
    one, u = p.lift(1), p.precision.step.u
    decay = share * p
    ways = in_any_order(p - decay - step, p * (one - share) - step, p - (step + decay), p - step - decay)
    with np.errstate(all="ignore"):
        in_the_step = 3 * u * (step.size_at_most + decay.size_at_most)
        error = ways.error + in_the_step
    return ways.of(ways.value, or_infinite(error))
