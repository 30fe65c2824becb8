"""Policies: how others decide whether an answer is right, beside ours. They live here, and nowhere in the product.

Each takes the answer, the truth rounded to the dtype, and a plain implementation's answer in the same dtype; it says whether
the answer is accused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

Policy = Callable[[np.ndarray, np.ndarray, np.ndarray, str], bool]

ASSERT_CLOSE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float16": (1e-3, 1e-5)}
)
"""dtype -> relative and absolute tolerance of torch.testing.assert_close, from its documentation (PyTorch 2.13)."""


def apart(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The distance, element by element: 0 between equal infinities or two nan, else inf where one is no number."""
    with np.errstate(all="ignore"):
        distance = np.abs(got - wanted)
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def within(got: np.ndarray, wanted: np.ndarray, relative: float, absolute: float) -> bool:
    """|got - wanted| <= absolute + relative |wanted|, everywhere."""
    size = np.where(np.isfinite(wanted), np.abs(wanted), 0.0)
    return bool((apart(got, wanted) <= absolute + relative * size).all())


def assert_close(got: np.ndarray, wanted: np.ndarray, plain: np.ndarray, dtype: str) -> bool:
    """torch.testing.assert_close with its defaults."""
    return not within(got, wanted, *ASSERT_CLOSE[dtype])


def a_thousandth(got: np.ndarray, wanted: np.ndarray, plain: np.ndarray, dtype: str) -> bool:
    """rtol = atol = 1e-3, whatever the dtype."""
    return not within(got, wanted, 1e-3, 1e-3)


def twice_the_plain_error(got: np.ndarray, wanted: np.ndarray, plain: np.ndarray, dtype: str) -> bool:
    """max|got - wanted| <= 2 max|plain - wanted|, as FlashAttention's tests have it."""
    return bool(np.max(apart(got, wanted), initial=0.0) > 2 * np.max(apart(plain, wanted), initial=0.0))


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "assert_close, defaults": assert_close,
        "rtol = atol = 1e-3": a_thousandth,
        "FlashAttention's 2x rule": twice_the_plain_error,
    }
)
OURS = "derived bound"
ON_RANDN = "assert_close on randn inputs"
