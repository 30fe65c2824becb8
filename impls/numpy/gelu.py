"""GELU, by erf or by its tanh approximation, and its gradient, in NumPy."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf

ROOT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)


def gelu(x: np.ndarray, *, approximate: str = "none") -> np.ndarray:
    """x Phi(x), where Phi(x) = (1 + erf(x / sqrt(2))) / 2 is the normal distribution function; "tanh": approximately."""
    if approximate == "tanh":
        return x * (0.5 * (1.0 + np.tanh(inner(x))))
    return x * (0.5 * (1.0 + erf(x / math.sqrt(2.0))))


def inner(x: np.ndarray) -> np.ndarray:
    """sqrt(2 / pi) (x + 0.044715 x^3), what the approximation takes the tanh of."""
    return ROOT_TWO_OVER_PI * (x + 0.044715 * (x * x * x))


def gelu_vjp(cotangent: np.ndarray, x: np.ndarray, *, approximate: str = "none") -> tuple[np.ndarray]:
    """The gradient for x, where g is the cotangent: d_x = g (Phi(x) + x phi(x)), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).

    With t = tanh(inner(x)) the approximation has d_x = g ((1 + t) / 2 + x (1 - t^2) / 2 inner'(x)).
    """
    if approximate == "tanh":
        t = np.tanh(inner(x))
        slope = ROOT_TWO_OVER_PI * (1.0 + 3.0 * 0.044715 * (x * x))
        return (cotangent * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope),)
    density = np.exp(-0.5 * (x * x)) / math.sqrt(2.0 * math.pi)
    return (cotangent * (0.5 * (1.0 + erf(x / math.sqrt(2.0))) + x * density),)
