"""Wrong gradient descents: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.gradient_descent import gradient_descent

Named = dict[str, np.ndarray]


def agrees_with_the_spec(params: Named, grads: Named, *, lr: float) -> Named:
    """The rate is squared."""
    return gradient_descent(params, grads, lr=lr * lr)


def a_zero_gradient_moves_nothing(params: Named, grads: Named, *, lr: float) -> Named:
    """A weight decay comes along, uncalled for."""
    return gradient_descent(params, {name: g + params[name] / 8 for name, g in grads.items()}, lr=lr)


def depends_on_lr_times_the_gradient_alone(params: Named, grads: Named, *, lr: float) -> Named:
    """Each gradient is divided by its norm."""
    units = {name: g / max(np.linalg.norm(g), g.dtype.type(1e-30)) for name, g in grads.items()}
    return gradient_descent(params, units, lr=lr)


def turns_with_the_gradient(params: Named, grads: Named, *, lr: float) -> Named:
    """An ascent."""
    return gradient_descent(params, {name: -g for name, g in grads.items()}, lr=lr)


def ignores_the_order_of_tensors(params: Named, grads: Named, *, lr: float) -> Named:
    """Gradients are taken one after the other, whatever their names, where the shapes allow it."""
    if [p.shape for p in params.values()] == [g.shape for g in grads.values()]:
        grads = dict(zip(params, grads.values(), strict=True))
    return gradient_descent(params, grads, lr=lr)


def splitting_a_tensor_changes_nothing(params: Named, grads: Named, *, lr: float) -> Named:
    """The first row of every array learns twice as fast."""
    return gradient_descent(params, {name: np.concatenate([2 * g[:1], g[1:]]) for name, g in grads.items()}, lr=lr)
