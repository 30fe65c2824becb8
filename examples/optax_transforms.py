"""optax as it is: chains of transformations of gradients, as objects. `veriformer check examples/optax_transforms.py`

A transformation is functional, but its state is a tree of its own; an object keeps it, and the parameters, between steps.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import optax

from veriformer import Implementation

impl = Implementation("optax", backend="jax")
Named = dict[str, jax.Array]


@functools.cache
def compiled(make: Any, lr: float, **options: float) -> tuple[Any, Any]:
    """What begins a state and what takes a step; compiled once for all objects of the same options."""
    transformation = make(lr, **options)
    return transformation.init, jax.jit(transformation.update)


class Stepped:
    """A transformation, with the parameters that it moves."""

    def __init__(self, params: Named, make: Any, lr: float, **options: float) -> None:
        begin, self.update = compiled(make, lr, **options)
        self.params, self.state = params, begin(params)

    def step(self, grads: Named) -> Named:
        updates, self.state = self.update(grads, self.state, self.params)
        self.params = optax.apply_updates(self.params, updates)
        return self.params

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, saved: Any) -> None:
        self.state = saved


@impl.component("adam", form="object")
class Adam(Stepped):
    """optax.adam has no decay: the keyword is not taken, and not asked for."""

    def __init__(
        self, params: Named, *, lr: float, beta_1: float = 0.9, beta_2: float = 0.98, eps: float = 1e-9
    ) -> None:
        super().__init__(params, optax.adam, lr, b1=beta_1, b2=beta_2, eps=eps)


@impl.component("adamw", form="object")
class AdamW(Stepped):
    """Its own defaults are b2 = 0.999, eps = 1e-8 and a decay of 1e-4; the suite's are passed on."""

    def __init__(
        self,
        params: Named,
        *,
        lr: float,
        beta_1: float = 0.9,
        beta_2: float = 0.98,
        eps: float = 1e-9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, optax.adamw, lr, b1=beta_1, b2=beta_2, eps=eps, weight_decay=weight_decay)


@impl.component("gradient_descent", form="object")
class SGD(Stepped):
    def __init__(self, params: Named, *, lr: float) -> None:
        super().__init__(params, optax.sgd, lr)


@impl.component
def clip_by_global_norm(grads: Named, max_norm: float) -> Named:
    """Stateless: its state is empty."""
    clipped, _ = optax.clip_by_global_norm(max_norm).update(grads, optax.EmptyState())
    return clipped
