"""Script: what drives a component that keeps state, as the spec reads it. The truth of an object is the truth of its script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

RESULT_OF = "result_of"
"""Key of an argument that stands for what an earlier step returned."""


BUILD = "build"
"""Method of a step that builds its object anew, from what follows in the place of the first argument."""


def play(build: Callable[..., Any], script: Sequence[Sequence[Any]]) -> list[Any]:
    """What each `step` of a script returns; None for every other method.

    script: (method, object, *arguments) for each step, in order. Objects are numbered, and each is built afresh when it
    is first named. {"result_of": n} in the place of an argument is what step n returned. ("build", object, argument) builds
    it from another first argument.
    """
    objects: dict[int, Any] = {}
    results: list[Any] = []
    for method, number, *arguments in script:
        taken = [given(argument, results) for argument in arguments]
        if method == BUILD:
            objects[number] = build(*taken)
        elif number not in objects:
            objects[number] = build()
        results.append(None if method == BUILD else getattr(objects[number], method)(*taken))
    return [result if method == "step" else None for (method, *_), result in zip(script, results, strict=True)]


def given(argument: Any, results: list[Any]) -> Any:
    """The argument itself, or the earlier result that it stands for."""
    if isinstance(argument, dict) and argument.keys() == {RESULT_OF}:
        return results[argument[RESULT_OF]]
    return argument
