"""Scaled dot-product attention, and its gradients, in NumPy."""

from __future__ import annotations

import math

import numpy as np

from veriformer.impls.numpy.apply_dropout import thinned
from veriformer.impls.numpy.softmax import softmax


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    keep: np.ndarray | None = None,
    rate: float = 0.0,
) -> np.ndarray:
    """softmax(scale q k^T + bias) v, over the keys that mask, causal order and window allow.

    q (..., L_q, d_k), k (..., L_k, d_k), v (..., L_k, d_v) -> (..., L_q, d_v); scale is 1/sqrt(d_k) unless given.
    Heads, if any, are axis -3; fewer key heads than query heads are shared, each by as many query heads in a row.
    keep (..., L_q, L_k): dropout of the weights, each of them p / (1 - rate) where it is true and 0 elsewhere.
    """
    k, v = repeat_heads(k, q), repeat_heads(v, q)
    allowed = allowed_pairs(q.shape[-2], k.shape[-2], mask, causal, window)
    k, v = without_unseen(k, allowed), without_unseen(v, allowed)
    weights = softmax(scaled_scores(q, k, bias, scale), mask=allowed)
    return np.matmul(thinned(weights, keep, rate), v)


def scaled_scores(q: np.ndarray, k: np.ndarray, bias: np.ndarray | None, scale: float | None) -> np.ndarray:
    """scale q k^T + bias, (..., L_q, L_k)."""
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) * default_scale(q, scale)
    return scores if bias is None else scores + bias


def default_scale(q: np.ndarray, scale: float | None) -> float:
    """1/sqrt(d_k), unless a scale is given."""
    return 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale


def allowed_pairs(
    length_q: int, length_k: int, mask: np.ndarray | None, causal: bool, window: int | None
) -> np.ndarray:
    """May query i attend to key j? (..., L_q, L_k). The last query stands beside the last key."""
    i = np.arange(length_q)[:, np.newaxis] + (length_k - length_q)
    j = np.arange(length_k)
    allowed = np.ones((length_q, length_k), dtype=bool) if mask is None else mask
    if causal:
        allowed = allowed & (j <= i)
    if window is not None:
        allowed = allowed & (np.abs(i - j) < window)
    return allowed


def without_unseen(keys: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Zeros for the keys, or values, that no query sees: a padding may hold anything, and 0 * nan is nan."""
    seen = np.swapaxes(allowed.any(axis=-2, keepdims=True), -1, -2)
    return keys if seen.all() else np.where(seen, keys, keys.dtype.type(0))


def repeat_heads(keys: np.ndarray, q: np.ndarray) -> np.ndarray:
    """One key head per query head: query head h uses key head h // (H_q / H_k)."""
    return np.repeat(keys, queries_per_key_head(keys, q), axis=-3) if keys.ndim > 2 else keys


def queries_per_key_head(keys: np.ndarray, q: np.ndarray) -> int:
    """H_q / H_k; 1 where there are no heads to share, or where plain broadcasting is enough."""
    shared = q.ndim > 2 and keys.ndim > 2 and 1 < keys.shape[-3] < q.shape[-3]
    return q.shape[-3] // keys.shape[-3] if shared else 1


def attention_vjp(
    cotangent: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    keep: np.ndarray | None = None,
    rate: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients for q, k and v, where g (..., L_q, d_v) is the cotangent.

    With s = scale q k^T + bias, p = softmax(s) row by row, D the dropout of the weights, and the output D(p) v:

        d_v = D(p)^T g                           each value is mixed in with its weights
        d_p = D(g v^T)                           dropout is linear and diagonal
        d_s = p (d_p - sum_j d_p_j p_j)          the gradient of softmax, by rows
        d_q = scale d_s k,   d_k = scale d_s^T q

    Masked pairs have p = 0, hence d_s = 0, and a query with no key at all gets and gives nothing.
    A key head shared by several query heads, or an argument broadcast over a batch axis, gets the sum.
    """
    keys, values = repeat_heads(k, q), repeat_heads(v, q)
    allowed = allowed_pairs(q.shape[-2], k.shape[-2], mask, causal, window)
    keys, values = without_unseen(keys, allowed), without_unseen(values, allowed)
    weights = softmax(scaled_scores(q, keys, bias, scale), mask=allowed)

    d_values = np.matmul(np.swapaxes(thinned(weights, keep, rate), -1, -2), cotangent)
    d_weights = thinned(np.matmul(cotangent, np.swapaxes(values, -1, -2)), keep, rate)
    d_scores = weights * (d_weights - np.sum(d_weights * weights, axis=-1, keepdims=True))
    d_products = d_scores * default_scale(q, scale)
    d_q = np.matmul(d_products, keys)
    d_keys = np.matmul(np.swapaxes(d_products, -1, -2), q)
    return sum_to(d_q, q.shape), sum_heads(d_keys, k, q), sum_heads(d_values, v, q)


def sum_heads(gradient: np.ndarray, keys: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The adjoint of `repeat_heads` and of broadcasting: the query heads that share a key head are added up."""
    group = queries_per_key_head(keys, q)
    if group > 1:
        *batch, n_heads, length, width = gradient.shape
        gradient = np.sum(gradient.reshape(*batch, n_heads // group, group, length, width), axis=-3)
    return sum_to(gradient, keys.shape)


def sum_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The adjoint of broadcasting from this shape: the sum over every axis along which it was repeated."""
    added = tuple(range(gradient.ndim - len(shape)))
    gradient = np.sum(gradient, axis=added)
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return np.sum(gradient, axis=stretched, keepdims=True)
