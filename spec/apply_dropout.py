"""apply_dropout: some numbers removed, the others enlarged, so that the mean over all masks stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import apply_dropout as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.forward, bound.backward)
def enlarged(x: Any, kept: Any) -> Any:
    """x over the share that is kept."""
    return x / kept


@component(
    source="Srivastava et al. 2014, section 4; scaled in training, not in use: section 10",
    honest=(
        Honest("x / (1 - rate) where kept", "the formula itself"),
        Honest("x times the mask times 1 / (1 - rate), in any order", "torch.nn.functional.dropout"),
    ),
)
def apply_dropout(x: Any, keep: Any, rate: float) -> Any:
    """apply_dropout(x) = x / (1 - rate) where `keep` is true, 0 elsewhere.

    x (...): any numbers. keep (...), boolean, of x's shape: the mask that was drawn. rate: the share that is dropped, as the
    float that it is. The gradient goes through the same mask. Corners: rate 0 gives x where kept; rate 1 gives zeros,
    whatever the mask says.
    Raises ValueError for a mask that is not boolean or not of x's shape, or a rate outside [0, 1].
    """
    return thinned(x, checked(keep, x.shape, rate), rate)


def checked(keep: Any, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """The mask, if it is one for this shape, and the rate a share."""
    keep = np.asarray(keep)
    said = f"keep has the dtype {keep.dtype} and the shape {keep.shape}; wanted: booleans of the shape {shape}"
    require(keep.dtype == bool and keep.shape == shape, said)
    require(0 <= rate <= 1, f"rate {rate}: wanted a share, from 0 to 1")
    return keep


def thinned(x: Any, keep: np.ndarray, rate: float) -> Any:
    """x / (1 - rate) where kept, 0 elsewhere; at rate 1 everywhere, since 0 times infinity is nan."""
    zero = number(0, like=x)
    if rate == 1:
        return np.where(np.zeros_like(keep), x, zero)
    return np.where(keep, enlarged(x, number(1, like=x) - number(rate, like=x)), zero)


@enlarged.slip("no factor of 1 / (1 - rate)")
def not_enlarged(x: Any, kept: Any) -> Any:
    return x


@enlarged.slip("a division by rate, not by 1 - rate")
def over_the_rate(x: Any, kept: Any) -> Any:
    return x / (number(1, like=x) - kept)


@apply_dropout.slip("the mask the other way round, True = dropped")
def mask_inverted(x: Any, keep: Any, rate: float) -> Any:
    return apply_dropout(x, ~np.asarray(keep), rate)
