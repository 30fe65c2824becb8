"""Optimizer: an update of parameters as an object, which remembers them, and its state, from one step to the next."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.spec.component import Component
from veriformer.spec.numbers import number
from veriformer.spec.script import play


class Optimizer:
    """The formula of one update, once a step. state_dict and load_state_dict are the identity: to resume is not to stop."""

    def __init__(self, update: Component, params: dict[str, Any], options: dict[str, Any]) -> None:
        self.update, self.params, self.options = update, params, options
        self.state = at_first(params) if "state" in update.positional else None

    def step(self, grads: dict[str, Any]) -> dict[str, Any]:
        if self.state is None:
            self.params = self.update(self.params, grads, **self.options)
        else:
            self.params, self.state = self.update(self.params, grads, self.state, **self.options)
        return self.params

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def at_first(params: dict[str, Any]) -> dict[str, Any]:
    """The state before the first update: nothing is counted, and both moments are 0."""
    zeros = {name: number(np.zeros(p.shape), like=p) for name, p in params.items()}
    return {"step": 0, "m": zeros, "v": zeros}


def as_object(update: Component) -> Component:
    """The object form of an update: `update(params, *, lr, ...)` builds an object, and step(grads) -> params.

    Its formula is the update's, step by step; so are its conventions, its honest algorithms, its parts and their slips. It
    is built from the parameters, may overwrite them, and shares nothing with another object.
    """

    def objects(params: dict[str, Any], script: Any, **options: Any) -> Any:
        return play(lambda given=params: Optimizer(update, given, options), script)

    by_position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    keywords = [p for p in update.signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    given = [inspect.Parameter(name, by_position) for name in ("params", "script")]
    objects.__signature__ = inspect.Signature([*given, *keywords])  # type: ignore[attr-defined]
    objects.__doc__ = update.function.__doc__
    return replace(update, function=objects, owned=("params",))
