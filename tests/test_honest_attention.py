"""Honest attentions, forward and backward, stay within the derived bounds in float32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from veriformer.impls.numpy.attention import allowed_pairs
from veriformer.properties import SUBJECTS
from veriformer.properties.formula import Question
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case
from veriformer.properties.probes import KINDS, Draw
from veriformer.properties.seeds import seed_of
from veriformer.properties.truth import Truth
from veriformer.spec import COMPONENTS
from veriformer.spec.bounds import attention as bound_of_attention
from veriformer.spec.numbers import Bounded
from veriformer.spec.numbers.precision import precision_of

Array = np.ndarray
F32 = np.float32
ROWS = [i for i, row in enumerate(SUBJECTS["attention"].rows) if row["length_k"] <= 9 and not row.get("heads_k")]
CONVENTIONS = {"fully_masked": "zero", "causal_alignment": "bottom_right"}
ATTENTION = COMPONENTS["attention"]


@functools.cache
def case_of(row: int, kind: str) -> Case:
    subject = SUBJECTS["attention"]
    recipe = Draw(subject.rows[row], kind, seed_of("honest", row, kind), "float32", subject.top("float32"))
    return with_cotangent(subject.draw(recipe), recipe, "attention")


def question(case: Case) -> Question:
    cotangent = case.extra["cotangent"]
    return Question(ATTENTION, case.arguments, case.options, CONVENTIONS, precision_of("float32"), (), cotangent)


@functools.cache
def output_of(row: int, kind: str) -> Truth:
    return question(case_of(row, kind)).outputs()[0][1]


@functools.cache
def gradients_of(row: int, kind: str) -> list[Truth]:
    return [truth for _, truth in question(case_of(row, kind)).gradients()]


def excess(truth: Truth, answer: Array) -> float:
    """The largest share of its bound that any element takes; those without a bound are left out."""
    with np.errstate(all="ignore"):
        ratio = truth.distances(answer) / truth.bound
    judged = np.isfinite(truth.bound) & ~np.isnan(ratio)
    return float(np.max(ratio, where=judged, initial=0.0))


def in_turn(a: Array, b: Array) -> Array:
    """A matrix product, one term after the other."""
    terms = (a[..., :, i : i + 1] * b[..., i : i + 1, :] for i in range(a.shape[-1]))
    return functools.reduce(np.add, terms)


def in_reverse(a: Array, b: Array) -> Array:
    return in_turn(a[..., ::-1], b[..., ::-1, :])


def fused(a: Array, b: Array) -> Array:
    """A matrix product of fused multiply-adds: one rounding for each term."""
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), F32)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    for i in range(a.shape[-1]):
        total = (total + wide_a[..., :, i : i + 1] * wide_b[..., i : i + 1, :]).astype(F32)
    return total


Product = Callable[[Array, Array], Array]


def on_scores(q: Array, keys: Array, scale: np.float32, product: Product) -> Array:
    return product(q, keys) * scale


def on_queries(q: Array, keys: Array, scale: np.float32, product: Product) -> Array:
    return product(q * scale, keys)


def on_keys(q: Array, keys: Array, scale: np.float32, product: Product) -> Array:
    return product(q, keys * scale)


def root_on_both(q: Array, keys: Array, scale: np.float32, product: Product) -> Array:
    return product(q * np.sqrt(scale), keys * np.sqrt(scale))


def scores(case: Case, place: Any = on_scores, product: Product = np.matmul) -> Array:
    """Scores in float32, -inf where a query does not see a key."""
    q, k, _ = case.arguments
    o = case.options
    scale = F32(o.get("scale", 1 / np.sqrt(q.shape[-1])))
    s = place(q, np.swapaxes(k, -1, -2), scale, product)
    s = s + o["bias"] if "bias" in o else s
    seen = allowed_pairs(q.shape[-2], k.shape[-2], o.get("mask"), o.get("causal", False), o.get("window"))
    return np.where(seen, s, F32(-np.inf))


def above(s: Array) -> Array:
    top = np.max(s, axis=-1, keepdims=True)
    return np.where(top == -np.inf, 0, top).astype(F32)


def over(numerators: Array, total: Array) -> Array:
    return numerators / np.where(total == 0, F32(1), total)


def weights(s: Array) -> Array:
    exponentials = np.exp(s - above(s))
    return over(exponentials, np.sum(exponentials, axis=-1, keepdims=True))


def kept(case: Case, p: Array) -> Array:
    """The weights, 0 where they are dropped."""
    keep = case.options.get("keep")
    return p if keep is None else np.where(keep & (case.options.get("rate", 0.0) != 1), p, F32(0))


def share(case: Case) -> np.float32:
    """1 - rate; 1 where everything is dropped."""
    rate = case.options.get("rate", 0.0)
    return F32(1 if rate == 1 else 1 - rate)


def plain(case: Case, place: Any = on_scores, product: Product = np.matmul) -> Array:
    return product(kept(case, weights(scores(case, place, product))) / share(case), case.arguments[2])


def enlarged_last(case: Case) -> Array:
    return (kept(case, weights(scores(case))) @ case.arguments[2]) * (F32(1) / share(case))


def enlarged_values(case: Case) -> Array:
    return kept(case, weights(scores(case))) @ (case.arguments[2] / share(case))


def divided_last(case: Case) -> Array:
    exponentials = np.exp(scores(case) - above(scores(case)))
    total = np.sum(exponentials, axis=-1, keepdims=True)
    return over((kept(case, exponentials) / share(case)) @ case.arguments[2], total)


def flash(case: Case, block: int, *, base: float = np.e, backwards: bool = False, shift_fused: bool = False) -> Array:
    """Tile by tile; with base 2, log2(e) is multiplied to the scores, or fused into the subtraction of the maximum."""
    power = np.exp if base == np.e else np.exp2
    fold = F32(1) if base == np.e else F32(np.log2(np.e))
    s = scores(case) if shift_fused else scores(case) * fold
    fold = fold if shift_fused else F32(1)
    v = case.arguments[2]

    def powers(tile: Array, top: Array) -> Array:
        if not shift_fused:
            return power(tile - top)
        rounded = (top * fold).astype(np.float64)
        return power((tile.astype(np.float64) * float(fold) - rounded).astype(F32))

    top = np.full((*s.shape[:-1], 1), -np.inf, F32)
    keep = kept(case, np.ones_like(s))
    total, mixed = np.zeros_like(top), np.zeros((*s.shape[:-1], v.shape[-1]), F32)
    starts = range(0, s.shape[-1], block)
    for i in reversed(starts) if backwards else starts:
        tile = s[..., i : i + block]
        higher = np.maximum(top, np.max(tile, axis=-1, keepdims=True))
        shift = np.where(higher == -np.inf, 0, higher).astype(F32)
        factor = power((np.where(top == -np.inf, -np.inf, top - shift) * fold).astype(F32))
        p = powers(tile, shift)
        total = total * factor + np.sum(p, axis=-1, keepdims=True)
        mixed = mixed * factor + (p * keep[..., i : i + block]) @ v[..., i : i + block, :]
        top = higher
    return over(mixed, total) / share(case)


FORWARD: dict[str, Callable[[Case], Array]] = {
    **{
        f"scale {place.__name__}": functools.partial(plain, place=place)
        for place in (on_scores, on_queries, on_keys, root_on_both)
    },
    **{f"products {p.__name__}": functools.partial(plain, product=p) for p in (in_turn, in_reverse, fused)},
    "divided after the product with v": divided_last,
    "dropout's factor after the product with v": enlarged_last,
    "dropout's factor on the values": enlarged_values,
    **{f"tiles of {block}": functools.partial(flash, block=block) for block in (1, 2, 4)},
    **{f"tiles of {block}, from the end": functools.partial(flash, block=block, backwards=True) for block in (1, 3)},
    **{f"exp2, tiles of {block}": functools.partial(flash, block=block, base=2.0) for block in (1, 4)},
    "exp2 of a fused difference": functools.partial(flash, block=2, base=2.0, shift_fused=True),
}


@pytest.mark.parametrize("name", FORWARD)
def test_forward(name: str) -> None:
    for row in ROWS:
        for kind in KINDS:
            with np.errstate(all="ignore"):
                answer = FORWARD[name](case_of(row, kind))
            assert excess(output_of(row, kind), answer) <= 1, f"{kind} in row {row}"


def backward(
    case: Case, *, rowsum: bool = False, apart: bool = False, late: bool = False, stored: bool = False,
    enlarged_at_the_end: bool = False, product: Product = np.matmul,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dv = p^T g, ds = p (dp - D). rowsum: D = sum g o. apart: p dp - p D. late: the scale after the products.
    stored: p = exp(s - logsumexp). enlarged_at_the_end: dropout's factor in the last products alone."""
    (q, k, v), g = case.arguments, case.extra["cotangent"]
    scale = F32(case.options.get("scale", 1 / np.sqrt(q.shape[-1])))
    s = scores(case, product=product)
    p = weights(s)
    if stored:
        p = np.exp(s - (above(s) + np.log(np.sum(np.exp(s - above(s)), axis=-1, keepdims=True))))
        p = np.where(np.isnan(p), 0, p).astype(F32)
    early, after = (F32(1), share(case)) if enlarged_at_the_end else (share(case), F32(1))
    mixing, dp = kept(case, p) / early, kept(case, product(g, np.swapaxes(v, -1, -2))) / early
    inner = np.sum(g * (product(mixing, v) / after) if rowsum else dp * p, axis=-1, keepdims=True)
    inner = inner * after if rowsum else inner
    ds = p * dp - p * inner if apart else p * (dp - inner)
    first, last = (F32(1), scale / after) if late else (scale, F32(1) / after)
    d_k = product(np.swapaxes(ds * first, -1, -2), q) * last
    return product(ds * first, k) * last, d_k, product(np.swapaxes(mixing, -1, -2), g) / after


BACKWARD: dict[str, Callable[[Case], tuple[Array, Array, Array]]] = {
    "p (dp - D)": backward,
    "p dp - p D": functools.partial(backward, apart=True),
    "D = rowsum(g o)": functools.partial(backward, rowsum=True),
    "scale after the products": functools.partial(backward, late=True, product=in_reverse),
    "stored logsumexp": functools.partial(backward, rowsum=True, stored=True),
    "fused multiply-adds": functools.partial(backward, product=fused),
    "dropout's factor at the end": functools.partial(backward, enlarged_at_the_end=True, late=True),
    "D = rowsum(g o) without dropout's factor": functools.partial(backward, enlarged_at_the_end=True, rowsum=True),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_backward(name: str) -> None:
    for row in ROWS:
        for kind in KINDS:
            with np.errstate(all="ignore"):
                answers = BACKWARD[name](case_of(row, kind))
            for argument, truth, answer in zip("qkv", gradients_of(row, kind), answers, strict=True):
                assert excess(truth, answer) <= 1, f"d{argument}, {kind} in row {row}"


def test_the_scores_may_begin_with_the_bias() -> None:
    """1000 + 0.006 + 0.006 + ..., as torch.baddbmm may add up: each addition is rounded at the size of the bias."""
    width, precision = 64, precision_of("float32")
    q, k = np.full((1, width), np.float32(0.05)), np.full((1, width), np.float32(0.125))
    bias = np.full((1, 1), np.float32(1000))
    honest = bias[0, 0]
    for one in (q * k)[0]:
        honest = honest + one
    exact = 1000 + width * Fraction(float(q[0, 0])) * Fraction(float(k[0, 0]))
    given = [Bounded.given(array, precision) for array in (q, k, bias)]
    bounded = bound_of_attention.scores(given[0], given[1], given[0].lift(1), given[2])
    away = float(abs(Fraction(float(honest)) - exact))
    assert 4 * 2.0**-24 * 1000 < away <= bounded.error[0, 0]
