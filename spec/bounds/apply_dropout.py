"""How far an honest scaling by 1 / (1 - rate) may land from the truth, forward and backward."""

from __future__ import annotations

from veriformer.spec.numbers.bounded import Bounded, in_any_order


def forward(x: Bounded, kept: Bounded) -> Bounded:
    """x / kept, or x times the reciprocal of kept."""
    return in_any_order(x / kept, x * (x.lift(1) / kept))


def backward(g: Bounded, x: Bounded, kept: Bounded) -> tuple[Bounded, None]:
    """The same scaling of the cotangent; the share that is kept is no variable."""
    return forward(g, kept), None
