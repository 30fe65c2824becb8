"""Script: method calls on objects, in order: how caches and optimizers are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from veriformer.impls.protocol import RESULT_OF, Tree


def play(build: Callable[[], Any], script: Tree) -> list[Any]:
    """What each `step` returns; of other methods None. `build` makes a fresh object whenever a number is first named."""
    objects: dict[int, Any] = {}
    results: list[Any] = []
    for method, number, *arguments in script:
        if number not in objects:
            objects[number] = build()
        given = [earlier(argument, results) for argument in arguments]
        results.append(getattr(objects[number], method)(*given))
    return [result if step[0] == "step" else None for step, result in zip(script, results, strict=True)]


def earlier(argument: Tree, results: list[Any]) -> Tree:
    """The argument itself, or the result of the step that it stands for."""
    if isinstance(argument, dict) and argument.keys() == {RESULT_OF}:
        return results[argument[RESULT_OF]]
    return argument
