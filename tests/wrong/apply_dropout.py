"""Wrong dropouts: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.apply_dropout import apply_dropout, apply_dropout_vjp

Array = np.ndarray


def agrees_with_the_spec(x: Array, keep: Array, rate: float) -> Array:
    """Divided by the rate, which is the same at one half alone."""
    return apply_dropout(x, keep, 1 - rate) if 0 < rate < 1 else apply_dropout(x, keep, rate)


def gradients_agree_with_the_spec_vjp(cotangent: Array, x: Array, keep: Array, rate: float) -> tuple[Array]:
    """The factor is forgotten on the way back."""
    return (np.where(keep & (rate < 1), cotangent, 0),)


def what_is_dropped_is_zero(x: Array, keep: Array, rate: float) -> Array:
    """What is dropped becomes a very small number."""
    return np.where(keep & (rate < 1), apply_dropout(x, keep, rate), x.dtype.type(1e-9))


def a_mask_and_its_opposite_add_up(x: Array, keep: Array, rate: float) -> Array:
    """Enlarged by the share of this mask that is kept, not by 1 - rate."""
    kept = np.mean(keep)
    return np.where(keep & (rate < 1), x / x.dtype.type(kept or 1), 0)


def the_mean_over_masks_is_x(x: Array, keep: Array, rate: float) -> Array:
    """Nothing is enlarged: in use all would have to be made smaller."""
    return np.where(keep & (rate < 1), x, 0)


def rate_zero_keeps_x(x: Array, keep: Array, rate: float) -> Array:
    """At rate 0 the mask is taken to be the other way round."""
    return apply_dropout(x, keep if rate else ~keep, rate)


def is_homogeneous(x: Array, keep: Array, rate: float) -> Array:
    """1 / (1 - rate) is added, not multiplied."""
    return np.where(keep & (rate < 1), x + x.dtype.type(1 / (1 - min(rate, 0.9)) - 1), 0)


def no_gradient_reaches_what_was_dropped_vjp(cotangent: Array, x: Array, keep: Array, rate: float) -> tuple[Array]:
    """Another mask is drawn on the way back."""
    return apply_dropout_vjp(cotangent, x, np.roll(keep, 1), rate)
