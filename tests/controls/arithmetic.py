"""Sums, products and functions in a dtype: every step is rounded to it, sums of half types are kept in float32."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy.special import erf as wide_erf
from scipy.special import erfc as wide_erfc

Array = np.ndarray


def constant(value: float, like: Array) -> Any:
    """A number rounded to the array's dtype. (A bfloat16 array times a Python float would be a float32 array.)"""
    return like.dtype.type(value)


def accumulator(x: Array) -> np.dtype:
    """Where sums are kept: in float32 for half types."""
    return np.dtype(np.float32) if x.dtype.itemsize == 2 else x.dtype


def kept(x: Array) -> Array:
    """As a sum is kept while it runs."""
    return x.astype(accumulator(x), copy=False)


def rounded(x: Array, like: Array) -> Array:
    return x.astype(like.dtype, copy=False)


def by_numpy(x: Array) -> Array:
    """In pairs of blocks, as np.add.reduce does."""
    return rounded(np.sum(x, axis=-1, keepdims=True, dtype=accumulator(x)), x)


def in_turn(x: Array) -> Array:
    """From left to right."""
    terms = np.moveaxis(x.astype(accumulator(x)), -1, 0)
    return rounded(functools.reduce(np.add, terms, np.zeros(x.shape[:-1], terms.dtype))[..., None], x)


def in_reverse(x: Array) -> Array:
    return in_turn(x[..., ::-1])


def in_pairs(x: Array) -> Array:
    """The first half and the second half, each by this rule."""

    def halves(terms: Array) -> Array:
        middle = terms.shape[-1] // 2
        return terms if terms.shape[-1] <= 1 else halves(terms[..., :middle]) + halves(terms[..., middle:])

    return rounded(halves(x.astype(accumulator(x))), x)


def in_falling_order(x: Array) -> Array:
    """The order that rounds most: small terms come last."""
    return in_turn(-np.sort(-x.astype(accumulator(x)), axis=-1).astype(x.dtype))


SUMS = (by_numpy, in_turn, in_reverse, in_pairs, in_falling_order)


def mean(x: Array, total: Any = by_numpy) -> Array:
    return total(x) / constant(x.shape[-1], x)


def matmul(a: Array, b: Array) -> Array:
    """By the library's own product, half types in float32."""
    return rounded(np.matmul(a.astype(accumulator(a)), b.astype(accumulator(a))), a)


def product_in_turn(a: Array, b: Array) -> Array:
    """One term after the other."""
    wide_a, wide_b = a.astype(accumulator(a)), b.astype(accumulator(a))
    terms = (wide_a[..., :, i : i + 1] * wide_b[..., i : i + 1, :] for i in range(a.shape[-1]))
    return rounded(functools.reduce(np.add, terms), a)


def product_in_reverse(a: Array, b: Array) -> Array:
    return product_in_turn(a[..., ::-1], b[..., ::-1, :])


def product_fused(a: Array, b: Array) -> Array:
    """By fused multiply-adds: the product of two float32 or half numbers is exact in float64, the sum is rounded once."""
    keep = accumulator(a)
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), keep)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    for i in range(a.shape[-1]):
        total = (total + wide_a[..., :, i : i + 1] * wide_b[..., i : i + 1, :]).astype(keep)
    return rounded(total, a)


def product_in_blocks(a: Array, b: Array) -> Array:
    """Four terms at a time, the partial products added: split-k."""
    parts = [
        np.matmul(a[..., i : i + 4].astype(accumulator(a)), b[..., i : i + 4, :].astype(accumulator(a)))
        for i in range(0, a.shape[-1], 4)
    ]
    return rounded(functools.reduce(np.add, parts), a)


def erf(x: Array) -> Array:
    return rounded(np.asarray(wide_erf(x.astype(accumulator(x)))), x)


def erfc(x: Array) -> Array:
    return rounded(np.asarray(wide_erfc(x.astype(accumulator(x)))), x)


def hidden(x: Array, mask: Array | None) -> Array:
    """Minus infinity where nothing may be seen."""
    return x if mask is None else np.where(mask, x, constant(-np.inf, x))


def above(x: Array) -> Array:
    """The maximum of each row, 0 where there is none."""
    top = np.max(x, axis=-1, keepdims=True, initial=constant(-np.inf, x))
    return np.where(np.isneginf(top.astype(np.float64)), constant(0, x), top)


def over(numerators: Array, total: Array) -> Array:
    """The quotient, 0 where there is nothing to divide."""
    return numerators / np.where(total == 0, constant(1, total), total)


def sum_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The adjoint of broadcasting from this shape, in one sum."""
    lead = gradient.ndim - len(shape)
    axes = (*range(lead), *(lead + axis for axis, size in enumerate(shape) if size == 1 < gradient.shape[lead + axis]))
    total = np.sum(gradient, axis=axes, dtype=accumulator(gradient)) if axes else gradient
    return rounded(np.asarray(total), gradient).reshape(shape)
