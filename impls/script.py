"""Script: method calls on objects, in order: how caches and optimizers are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from veriformer.impls.protocol import BUILD, RESULT_OF, Tree


def play(build: Callable[..., Any], script: Tree, keep: Callable[[Any], Any] = lambda result: result) -> list[Any]:
    """What each `step` returns; of other methods None. `build` makes a fresh object whenever a number is first named, or as
    ("build", object, argument) says. keep: what to do with each answer of a step when it comes."""
    objects: dict[int, Any] = {}
    results: list[Any] = []
    for method, number, *arguments in script:
        given = [earlier(argument, results) for argument in arguments]
        if method == BUILD:
            objects[number] = build(*given)
        elif number not in objects:
            objects[number] = build()
        result = None if method == BUILD else getattr(objects[number], method)(*given)
        results.append(keep(result) if method == "step" else result)
    return [result if step[0] == "step" else None for step, result in zip(script, results, strict=True)]


def earlier(argument: Tree, results: list[Any]) -> Tree:
    """The argument itself, or the result of the step that it stands for."""
    if isinstance(argument, dict) and argument.keys() == {RESULT_OF}:
        return results[argument[RESULT_OF]]
    return argument
