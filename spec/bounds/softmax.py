"""How far an honest softmax may land from the truth, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.numbers.bounded import SMALLEST, Bounded, or_infinite
from veriformer.spec.numbers.precision import ROUNDOFFS, gamma


def forward(
    x: Bounded, *, mask: Any = None, log_weight_error: Any = 0.0, behind_mask: str = "ignored", **conventions: Any
) -> Bounded:
    """Let w_i = exp(x_i - max) be the weights before the division. An honest weight is w_i e^t with |t| <= a_i,

        a_i = reach_i + u (2 |x_i - max| + 2 reach_i) + c_exp u + r_i (c_exp + 2) u + log_weight_error

    (the error of the logit; the rounding of the difference, and of its product with log2(e) where exp2 is used; of exp;
    r_i rescalings of an online softmax, one for each new maximum after i in reading order or against it: their arguments
    add up to max - x_i).

    softmax is monotone in every logit, so with all t_j at their worst ends and S_i = sum of the other weights

        p_hi - p = p [ (e^a_i - 1) S_i + sum_j w_j (1 - e^-a_j) ] / (w_i e^a_i + sum_j w_j e^-a_j)

    and alike for p - p_lo: no cancellation, never outside [0, 1], and nearly 0 for saturated rows. To first order it is
    the bound of Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer.
    Anal. 41 (2021). A factor common to the row comes in by the sum, gamma_(n-1), and by the division, c_div u + u for a
    reciprocal and a product, or by the logarithm of the sum in exp(x - max - log sum), (c_log + 1) u log sum + 2 u.
    """
    precision, u = x.precision, x.precision.step.u
    allowed = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask, x.shape)
    with np.errstate(all="ignore"):
        shifted = np.where(allowed, x.value, -np.inf)
        top = shifted.max(-1, keepdims=True, initial=-np.inf)
        distance = np.where(allowed, top - x.value, 0.0)
        weight = np.where(allowed, np.exp(-distance), 0.0)
        total = weight.sum(-1, keepdims=True)
        p = np.where(allowed, weight / total, 0.0)
        a = np.where(allowed, exponent_error(x, shifted, distance) + log_weight_error, 0.0)
        known = np.minimum(a, 500.0)  # beyond, the ends of [0, 1] are reached in any case
        grown, shrunk = np.expm1(known), -np.expm1(-known)
        heights = (1.0, 1 - shrunk, 1 + grown, shrunk, grown)
        others, low, high, others_shrunk, others_grown = all_but_one(np.stack([weight * height for height in heights]))
        up = p * (grown * others + others_shrunk) / (weight * (1 + grown) + low)
        down = p * (shrunk * others + others_grown) / (weight * (1 - shrunk) + high)
        error = np.where(a > 500.0, 1.0, np.maximum(up, down))
        error = np.where(np.isnan(error), 0.0, error)  # a row whose weights are all 0: 0 / 0, nothing to bound
        by_log = (ROUNDOFFS["log"] + 1) * u * np.log(np.maximum(total, 1.0)) + 2 * u
        common = gamma(x.shape[-1] - 1, precision.accumulator.u) + np.maximum(precision.quotient * u, by_log)
        error = error + (p + error) * common
        error = np.minimum(error, np.maximum(p, 1 - p) + 4 * u)
        lost = precision.step.tiny if precision.flushes else precision.step.half_ulp(np.zeros(()))
        faint = allowed & (p - error < 4 * precision.step.tiny * x.shape[-1])
        # below the smallest normal number exp is good to a few quanta, and float64, computing this, may lose a weight
        unseen = SMALLEST + 2 * ROUNDOFFS["exp"] * precision.step.half_ulp(np.zeros(()))
        error = error + np.where(faint, np.minimum(p + error + unseen, 4 * lost), 0.0)
        overflow = (allowed & ~np.isfinite(x.error)).any(-1, keepdims=True)
        error = np.where(allowed, np.where(overflow, np.inf, error), 0.0)
    if behind_mask == "propagates":
        p = np.where((~allowed & ~(x.value < np.inf)).any(-1, keepdims=True), np.nan, p)
    return empty_rows(x.of(p, error), x, allowed, **conventions)


def exponent_error(x: Bounded, shifted: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """a_i without what the scores add: |t| <= a_i for an honest weight w_i e^t. distance: max - x_i."""
    u = x.precision.step.u
    exp_error = ROUNDOFFS["exp"] * u
    a = x.reach + u * (2 * distance + 2 * x.reach) + exp_error
    return np.asarray(a + rescalings(shifted) * (exp_error + 2 * u))


def empty_rows(p: Bounded, x: Bounded, allowed: np.ndarray, *, fully_masked: str = "zero") -> Bounded:
    """Rows without an allowed key, as the convention says."""
    empty = np.asarray(~allowed.any(-1, keepdims=True))
    if not empty.any() or fully_masked == "zero":
        return p
    if fully_masked == "nan":
        return p.of(np.where(empty, np.nan, p.value), np.where(empty, 0.0, p.error))
    if fully_masked == "unmasked":
        return p.chosen(empty, forward(x), p)
    share = x.lift(1) / x.lift(x.shape[-1])
    return p.chosen(empty, share.rearranged(lambda array: np.broadcast_to(array, p.shape)), p)


def rescalings(shifted: np.ndarray) -> np.ndarray:
    """How many new maxima an online softmax may meet after each element, reading forwards plus backwards.

    Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), for tiles of any size, combined in any
    contiguous tree: a partial maximum that covers i rises only through a record to its right or to its left.
    """
    after, before = records_after(np.stack([shifted, shifted[..., ::-1]]))
    return np.asarray(after + before[..., ::-1])


def records_after(shifted: np.ndarray) -> np.ndarray:
    """The number of elements after each one that exceed everything before them."""
    if shifted.shape[-1] == 0:
        return np.zeros(shifted.shape)
    running = np.maximum.accumulate(shifted, axis=-1)
    is_record = np.concatenate(
        [np.zeros((*shifted.shape[:-1], 1), bool), running[..., 1:] > running[..., :-1]], axis=-1
    )
    seen = np.cumsum(is_record, axis=-1)
    return np.asarray(seen[..., -1:] - seen, dtype=np.float64)


def all_but_one(terms: np.ndarray) -> np.ndarray:
    """For each element the sum of the others, without subtracting."""
    forwards = np.cumsum(terms, axis=-1)
    backwards = np.cumsum(terms[..., ::-1], axis=-1)[..., ::-1]
    out = np.zeros_like(terms)
    out[..., 1:] += forwards[..., :-1]
    out[..., :-1] += backwards[..., 1:]
    return out


def backward(g: Bounded, x: Bounded, *, mask: Any = None, **conventions: Any) -> tuple[Bounded]:
    """dx = p (g - sum_j p_j g_j), as one product or as p g - p sum(p g), or by derivatives of exp, sum and division.

    The derivative of the quotient e / s by s is -e / s^2 (JAX forms it so): where the square of the sum of the shifted
    exponentials overflows, in float16 from 256 equal logits on, such code loses the second term, and nothing is claimed.
    """
    p = forward(x, mask=mask, **conventions)
    dx = pulled(g, p, (p * g).sum(-1, keepdims=True), x, mask)
    allowed = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask, x.shape)
    with np.errstate(all="ignore"):
        near = np.where(allowed, x.value + x.reach, -np.inf)
        low = np.where(allowed, x.value - x.reach, -np.inf).max(-1, keepdims=True, initial=-np.inf)
        total = np.where(allowed, np.exp(np.minimum(near - low, 0.0)), 0.0).sum(-1, keepdims=True)
        honest = total * (1 + gamma(x.shape[-1], x.precision.accumulator.u) + 2 * x.precision.step.u)
        overflow = honest * honest > x.precision.step.largest
    return (dx.of(dx.value, np.where(overflow & allowed, np.inf, dx.error)),)


def pulled(g: Bounded, p: Bounded, inner: Bounded, x: Bounded, mask: Any = None) -> Bounded:
    """p (g - inner), where inner = sum_j p_j g_j however it was computed.

    The other orders of the same operations round p g, p inner and a reciprocal apart, 4 u p (|g| + |inner|) more, and may
    flush each. Who lets the derivative run through the maximum shift adds -sum_j dx_j, exactly 0, to the position of the
    maximum: there its rounding error, the sum of all errors of the row and gamma_n of its terms, comes in.
    """
    dx = p * (g - inner)
    u = x.precision.step.u
    allowed = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask, x.shape)
    with np.errstate(all="ignore"):
        terms = p.size_at_most * (g.size_at_most + inner.size_at_most)
        error = dx.error + 4 * u * terms
        if x.precision.flushes:
            error = error + np.minimum(4 * x.precision.step.tiny, terms)
    return through_the_maximum(dx, error, x, allowed)


def through_the_maximum(dx: Bounded, error: np.ndarray, x: Bounded, allowed: np.ndarray) -> Bounded:
    """dx with the errors given, and with what comes back through the maximum wherever it may stand."""
    with np.errstate(all="ignore"):
        low = np.where(allowed, x.value - x.reach, -np.inf).max(-1, keepdims=True, initial=-np.inf)
        perhaps_top = allowed & (x.value + x.reach >= low)
        spread = gamma(x.shape[-1] + 1, x.precision.accumulator.u) * dx.size_at_most + error
        through_top = np.where(allowed, spread, 0.0).sum(-1, keepdims=True)
        error = np.where(perhaps_top, error + through_top, error)
        error = np.where(allowed, error, 0.0)
    return dx.of(np.where(allowed, dx.value, 0.0), or_infinite(error))
