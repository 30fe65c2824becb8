"""gradient_descent: every parameter moved against its gradient."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import number
from veriformer.spec.slip import Part


@Part
def descended(p: Any, g: Any, lr: Any) -> Any:
    """p - lr g."""
    return p - lr * g


@component(
    source="Robbins & Monro 1951; Goodfellow, Bengio & Courville 2016, algorithm 8.1",
    honest=(Honest("one product and one difference, fused or not", "the formula itself"),),
)
def gradient_descent(params: dict[str, Any], grads: dict[str, Any], *, lr: float) -> dict[str, Any]:
    """gradient_descent(p, g) = p - lr g, for every array of params and its gradient of the same name.

    params, grads: name -> array, of the same names and shapes. Returns the names of params. lr: a number from 0.
    Raises ValueError when names or shapes differ, or for an lr that is negative or not a number.
    """
    require(lr >= 0, f"lr {lr}: wanted a number from 0")
    same_names(params, grads)
    return {name: descended(p, grads[name], number(lr, like=p)) for name, p in params.items()}


def same_names(params: dict[str, Any], *others: dict[str, Any]) -> None:
    """ValueError when names or shapes differ from those of the parameters."""
    shapes = {name: p.shape for name, p in params.items()}
    for other in others:
        found = {name: array.shape for name, array in other.items()}
        require(found == shapes, f"names and shapes {found} are not those of the parameters, {shapes}")


@descended.slip("an ascent: the gradient is added")
def ascended(p: Any, g: Any, lr: Any) -> Any:
    return p + lr * g


@gradient_descent.slip("gradients taken in the order of their dictionary, not by name")
def by_position(params: dict[str, Any], grads: dict[str, Any], *, lr: float) -> dict[str, Any]:
    pairs = zip(params.items(), grads.values(), strict=True)
    fits = all(p.shape == g.shape for (_, p), g in pairs)
    moved = dict(zip(params, grads.values(), strict=True)) if fits else grads
    return gradient_descent(params, moved, lr=lr)
