"""How far an honest warm-up schedule may land from the truth."""

from __future__ import annotations

import numpy as np

from veriformer.spec.numbers.bounded import Bounded
from veriformer.spec.numbers.precision import ROUNDOFFS


def forward(step: Bounded, d_model: Bounded, warmup: Bounded) -> Bounded:
    """d_model^-0.5 min(step^-0.5, step warmup^-1.5): products of powers, each good to c_power u.

    Every factor is positive, so relative errors add up: two powers and a product, or two powers and two products. Powers
    by roots and quotients are sharper: 1 / sqrt(x) is good to 4 u, x / (y sqrt(y)) to 5 u. The minimum of two numbers that
    are each good to a share of themselves is good to that share of itself. What rounds the arguments (no format narrower
    than float64 holds all of them) enters by the powers they are raised to.
    """
    u = step.precision.step.u
    with np.errstate(all="ignore"):
        value = np.minimum(1 / np.sqrt(step.value), step.value / (warmup.value * np.sqrt(warmup.value)))
        value = value / np.sqrt(d_model.value)
        given = [x.error / np.abs(x.value) for x in (step, d_model, warmup)]
        share = (2 * ROUNDOFFS["power"] + 2) * u + given[0] + 0.5 * given[1] + 1.5 * given[2]
        error = np.abs(value) * np.expm1(2 * share if np.any(given) else share)  # 2: the terms of second order
    return step.of(value, error)
