"""Wrong rms norms: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.rms_norm import rms_norm

Array = np.ndarray


def agrees_with_the_spec(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    """eps is added outside the root."""
    return x / (np.sqrt(np.mean(x * x, axis=-1, keepdims=True)) + x.dtype.type(eps)) * gamma


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, gamma: Array, *, eps: float = 1e-5
) -> tuple[Array, Array]:
    """The scale is taken for a constant."""
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + x.dtype.type(eps))
    return cotangent * gamma * r, np.sum((cotangent * x * r).reshape(-1, x.shape[-1]), axis=0)


def scales_with_eps(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    """eps is hard-wired."""
    return rms_norm(x, gamma, eps=1e-2)


def the_mean_of_squares_is_ms_over_ms_plus_eps(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    """The sum of the squares, not their mean."""
    return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + x.dtype.type(eps)) * gamma


def is_permutation_equivariant_with_gamma(x: Array, gamma: Array, *, eps: float = 1e-5) -> Array:
    """gamma is read from its end."""
    return rms_norm(x, gamma[::-1], eps=eps)
