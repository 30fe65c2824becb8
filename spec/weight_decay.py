"""weight_decay: every parameter drawn a little towards 0."""

from __future__ import annotations

from typing import Any

from veriformer.spec.bounds import weight_decay as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.forward)
def decayed(p: Any, lr: Any, rate: Any) -> Any:
    """p - lr rate p."""
    return p - lr * rate * p


@component(
    source="Hanson & Pratt 1988; Loshchilov & Hutter 2019, section 2",
    honest=(
        Honest("p - lr rate p, in any order of the products", "the formula itself"),
        Honest("p (1 - lr rate)", "torch.optim.AdamW"),
    ),
)
def weight_decay(params: dict[str, Any], *, lr: float, rate: float) -> dict[str, Any]:
    """weight_decay(p) = p - lr rate p, for every array of params.

    params: name -> array. Returns the same names. lr, rate: numbers from 0. Corners: lr rate = 1 gives 0.
    Raises ValueError for an lr or a rate that is negative or not a number.
    """
    require(lr >= 0 and rate >= 0, f"lr {lr} and rate {rate}: wanted numbers from 0")
    return {name: decayed(p, number(lr, like=p), number(rate, like=p)) for name, p in params.items()}


@decayed.slip("a decay by the rate alone, without lr")
def without_lr(p: Any, lr: Any, rate: Any) -> Any:
    return p - rate * p


@decayed.slip("growth: the sign of the decay turned")
def grown(p: Any, lr: Any, rate: Any) -> Any:
    return p + lr * rate * p
