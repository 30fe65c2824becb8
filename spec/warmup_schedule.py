"""warmup_schedule: a learning rate that rises linearly and then falls with the inverse root of the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.bounds import warmup_schedule as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part

COUNTING = Convention(
    "counting",
    ("from_1", "from_0"),
    "The paper's step_num^-0.5 has a value from step 1 on.",
    {
        "from_1": "the paper; the Annotated Transformer",
        "from_0": "tensor2tensor: a global step that is 0 at first, used as step + 1",
    },
    default="from_1",
)


@Part
@bounded_by(bound.forward)
def rate(step: Any, d_model: Any, warmup: Any) -> Any:
    """The smaller of the two branches, over sqrt(d_model)."""
    return -np.maximum(-falling(step), -rising(step, warmup)) / np.sqrt(d_model)


def falling(step: Any) -> Any:
    """step^-0.5."""
    return 1 / np.sqrt(step)


def rising(step: Any, warmup: Any) -> Any:
    """step warmup^-1.5."""
    return step / (warmup * np.sqrt(warmup))


@component(
    source="Vaswani et al. 2017, section 5.3, equation 3",
    honest=(
        Honest("powers with exponents -0.5 and -1.5 by the library", "the formula itself"),
        Honest("powers as roots and quotients", "the same numbers"),
    ),
    conventions=(COUNTING,),
)
def warmup_schedule(step: int, *, d_model: int, warmup: int, like: Any = None, counting: str = "from_1") -> Any:
    """warmup_schedule(step) = d_model^-0.5 min(step^-0.5, step warmup^-1.5), at the steps 1, 2, 3, ...

    d_model, warmup: whole numbers from 1. Returns one number, a Python float or an array without axes; a Python float is
    judged as what it stands for where the dtype is narrower. like: an array (empty) that says which dtype and device are
    wanted, of an implementation that takes it.
    Corners: at step `warmup` both branches are (d_model warmup)^-0.5, the largest rate. Step 0 is 0^-0.5 under `from_1`,
    and the first step under `from_0`.
    Raises ValueError for a step before the first, or d_model or warmup below 1.
    """
    first = 1 if counting == "from_1" else 0
    require(step >= first, f"step {step}: steps are counted from {first}")
    require(d_model >= 1 and warmup >= 1, f"d_model {d_model} and warmup {warmup}: wanted at least 1")
    like = np.zeros(0) if like is None else like
    return rate(*(number(n, like=like) for n in (step + 1 - first, d_model, warmup)))


@rate.slip("the larger of the two branches")
def the_larger(step: Any, d_model: Any, warmup: Any) -> Any:
    return np.maximum(falling(step), rising(step, warmup)) / np.sqrt(d_model)


@rate.slip("warmup^-0.5 in the place of warmup^-1.5")
def warmed_up_too_soon(step: Any, d_model: Any, warmup: Any) -> Any:
    return -np.maximum(-falling(step), -(step / np.sqrt(warmup))) / np.sqrt(d_model)


@rate.slip("no factor of d_model^-0.5")
def without_the_width(step: Any, d_model: Any, warmup: Any) -> Any:
    return rate(step, number(1, like=step), warmup)


@rate.slip("no warm-up")
def without_warmup(step: Any, d_model: Any, warmup: Any) -> Any:
    return falling(step) / np.sqrt(d_model)
