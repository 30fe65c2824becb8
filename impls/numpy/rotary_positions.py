"""Rotary positions, and their gradient, in NumPy."""

from __future__ import annotations

import numpy as np


def rotary_positions(
    x: np.ndarray, positions: np.ndarray, *, base: float = 10000.0, layout: str = "interleaved"
) -> np.ndarray:
    """Each pair (a, b) of features becomes (a cos t - b sin t, a sin t + b cos t), t = position base^(-2i / d), i-th pair.

    x (..., L, d), d even; positions (..., L), integers -> like x. layout: "interleaved", features 2i and 2i + 1 make a pair;
    "halves", features i and i + d/2. The angles are float64, their sines and cosines of x's dtype.
    """
    return rotated(x, positions, 1.0, base, layout)


def rotated(x: np.ndarray, positions: np.ndarray, direction: float, base: float, layout: str) -> np.ndarray:
    """Every pair turned by its angle, forwards or, with direction = -1, backwards."""
    d = x.shape[-1]
    angles = direction * positions[..., np.newaxis] * base ** (-np.arange(0, d, 2) / d)  # (..., L, d / 2)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = pairs(layout, d)
    out = np.empty(np.broadcast_shapes(x.shape, (*angles.shape[:-1], d)), dtype=x.dtype)
    out[..., first] = x[..., first] * cos - x[..., second] * sin
    out[..., second] = x[..., first] * sin + x[..., second] * cos
    return out


def pairs(layout: str, d: int) -> tuple[slice, slice]:
    """Where the first and the second features of all pairs are."""
    if layout == "halves":
        return slice(0, d // 2), slice(d // 2, d)
    return slice(0, d, 2), slice(1, d, 2)


def rotary_positions_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    positions: np.ndarray,
    *,
    base: float = 10000.0,
    layout: str = "interleaved",
) -> tuple[np.ndarray]:
    """The gradient for x: a rotation is orthogonal, so the cotangent is turned back by the same angles."""
    return (rotated(cotangent, positions, -1.0, base, layout),)
