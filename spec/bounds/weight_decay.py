"""How far an honest weight decay may land from the truth."""

from __future__ import annotations

from veriformer.spec.numbers.bounded import Bounded, in_any_order


def forward(p: Bounded, lr: Bounded, rate: Bounded) -> Bounded:
    """p - (lr rate) p, p - lr (rate p), or p (1 - lr rate): three roundings apart, each of p's own size in the last."""
    one = p.lift(1)
    return in_any_order(p - lr * rate * p, p - lr * (rate * p), p * (one - lr * rate))
