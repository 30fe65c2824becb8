"""Wrong residual connections: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def agrees_with_the_spec(x: Array, sublayer_output: Array) -> Array:
    """The branch is halved, as layer scale would."""
    return x + sublayer_output / 2


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, sublayer_output: Array) -> tuple[Array, Array]:
    """The cotangent is shared out between the two."""
    return cotangent / 2, cotangent / 2


def zero_is_the_identity(x: Array, sublayer_output: Array) -> Array:
    """Divided by the root of 2, to keep the variance."""
    return (x + sublayer_output) / x.dtype.type(2**0.5)


def the_cotangent_comes_back_vjp(cotangent: Array, x: Array, sublayer_output: Array) -> tuple[Array, Array]:
    """Only the sub-layer learns: x was detached."""
    return np.zeros_like(cotangent), cotangent


def infinities_add_up(x: Array, sublayer_output: Array) -> Array:
    """Infinities of opposite sign are taken to cancel."""
    return np.nan_to_num(x + sublayer_output, nan=0.0, posinf=np.inf, neginf=-np.inf)
