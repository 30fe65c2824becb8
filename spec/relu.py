"""relu: what is positive passes, what is negative becomes 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Honest, component
from veriformer.spec.numbers import number


@component(
    source="Nair & Hinton 2010; Vaswani et al. 2017, equation 2",
    honest=(Honest("a comparison, exact", "the formula itself"),),
)
def relu(x: Any) -> Any:
    """relu(x) = max(x, 0), element by element.

    x (...). Corners: the slope at 0 may be anything in [0, 1]; relu(-0.0) is 0 of either sign. relu(nan) is nan,
    as `maximum` in IEEE 754-2019, section 9.6; `maximumNumber`, C's fmax, is not meant. Infinity passes.
    """
    return np.maximum(x, number(0, like=x))


@relu.slip("a leaky slope of 0.01 below 0")
def leaky(x: Any) -> Any:
    return np.maximum(x, x / 100)


@relu.slip("a ceiling of 6")
def ceiling_of_six(x: Any) -> Any:
    return 6 - relu(6 - relu(x))
