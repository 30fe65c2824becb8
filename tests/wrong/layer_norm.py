"""Wrong layer norms: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.layer_norm import layer_norm, layer_norm_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """eps is added to the deviation, outside the root."""
    deviation = x - np.mean(x, axis=-1, keepdims=True)
    return deviation / (np.sqrt(np.mean(deviation * deviation, axis=-1, keepdims=True)) + eps) * gamma + beta


def ignores_a_shift(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """The variance in one pass, E[x^2] - E[x]^2, which cancels far from zero."""
    mean = np.mean(x, axis=-1, keepdims=True)
    variance = np.maximum(np.mean(x * x, axis=-1, keepdims=True) - mean * mean, 0)
    return (x - mean) / np.sqrt(variance + eps) * gamma + beta


def scales_with_eps(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """The eps that was given is ignored."""
    return layer_norm(x, gamma, beta)


def the_mean_is_zero(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """RMS norm: the mean is not taken off."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gamma + beta


def the_mean_of_squares_is_var_over_var_plus_eps(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """The variance is divided by n - 1."""
    deviation = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.sum(deviation * deviation, axis=-1, keepdims=True) / max(x.shape[-1] - 1, 1)
    return deviation / np.sqrt(variance + eps) * gamma + beta


def gamma_and_beta_act_per_feature(x: Array, gamma: Array, beta: Array, **options: Any) -> Array:
    """The mean of all gains in place of each."""
    return layer_norm(x, np.full_like(gamma, np.mean(gamma)), beta, **options)


def gradients_agree_with_the_spec_vjp(
    cotangent: Array, x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """The derivative through the variance is forgotten."""
    _, d_gamma, d_beta = layer_norm_vjp(cotangent, x, gamma, beta, eps=eps)
    h = cotangent * gamma
    inverse = 1 / np.sqrt(np.var(x, axis=-1, keepdims=True) + x.dtype.type(eps))
    return inverse * (h - np.mean(h, axis=-1, keepdims=True)), d_gamma, d_beta
