"""Optimizer: the functional update of a framework as an object, which remembers parameters and state between steps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class Optimizer:
    """step(grads) -> params. state_dict() and load_state_dict() go on where another one stopped, from its parameters."""

    update: Callable[..., Any]
    zeros_like: Callable[[Any], Any]

    def __init__(self, params: dict[str, Any], **options: Any) -> None:
        self.params, self.options = dict(params), options
        self.state: dict[str, Any] | None = None
        if "state" in inspect.signature(self.update).parameters:
            m, v = ({name: self.zeros_like(p) for name, p in params.items()} for _ in "mv")
            self.state = {"step": 0, "m": m, "v": v}

    def step(self, grads: dict[str, Any]) -> dict[str, Any]:
        """The parameters after one more update."""
        if self.state is None:
            self.params = self.update(self.params, grads, **self.options)
        else:
            self.params, self.state = self.update(self.params, grads, self.state, **self.options)
        return self.params

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on, but the parameters."""
        return {"state": self.state}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from what was saved."""
        self.state = saved["state"]


def as_object(update: Callable[..., Any], zeros_like: Callable[[Any], Any]) -> type[Optimizer]:
    """The class of the optimizers that make this update: it takes the parameters, and the update's keywords."""
    found = inspect.signature(update).parameters.values()
    keywords = [p for p in found if p.kind is p.KEYWORD_ONLY]
    params = inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = {
        "update": staticmethod(update),
        "zeros_like": staticmethod(zeros_like),
        "__signature__": inspect.Signature([params, *keywords]),
        "__doc__": f"{update.__name__} as an object.",
    }
    return type(update.__name__.title(), (Optimizer,), own)
