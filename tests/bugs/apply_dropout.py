"""Bugs of dropout, where the mask is given."""

from __future__ import annotations

import numpy as np

from tests.bugs.bug import Bug
from veriformer.impls.numpy.apply_dropout import apply_dropout

Array = np.ndarray

DO03 = Bug(
    "DO03",
    "apply_dropout",
    "https://github.com/kaldi-asr/kaldi/issues/3890",
    "The backward pass knows the mask from output over input: where the input is 0, what was dropped passes.",
)
DO03.in_numpy()(apply_dropout)


@DO03.vjp
def from_the_ratio(cotangent: Array, x: Array, keep: Array, rate: float) -> tuple[Array]:
    y = apply_dropout(x, keep, rate)
    return (np.where(x == 0, cotangent, y / np.where(x == 0, 1, x) * cotangent).astype(x.dtype),)


BUGS = (DO03,)
