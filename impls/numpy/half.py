"""Half types in NumPy: computed in float32 inside a component, rounded once at its end.

NumPy adds bfloat16 in bfloat16: a sum of ones sticks at 256. What comes in half precision is therefore widened first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.impls.tree import leaves, rebuild

HALF = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))


def in_float32(offered: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, or class, which computes half types in float32; every other dtype is left to it as it is."""
    return class_in_float32(offered) if isinstance(offered, type) else function_in_float32(offered)


def function_in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function's answer to the widened arguments, narrowed."""

    @functools.wraps(function)
    def computed(*arguments: Tree, **options: Tree) -> Tree:
        half = half_of((arguments, options))
        if half is None:
            return function(*arguments, **options)
        return narrowed(function(*widened(arguments), **widened(options)), half)

    return computed


def class_in_float32(stateful: type) -> type:
    """The class, whose objects keep in float32 what they are given in half types; `step` answers in the type of its input."""

    class Computed(stateful):  # type: ignore[misc]
        def __init__(self, params: Tree, **options: Any) -> None:
            super().__init__(widened(params), **options)

        def step(self, x_new: np.ndarray) -> Tree:
            half = half_of(x_new)
            answer = super().step(widened(x_new))
            return answer if half is None else narrowed(answer, half)

    functools.update_wrapper(Computed, stateful, updated=())  # its signature is what was declared
    return Computed


def half_of(tree: Tree) -> np.dtype | None:
    """The half type among the arrays of a tree, if there is one."""
    arrays = (leaf.dtype for _, leaf in leaves(tree) if isinstance(leaf, np.ndarray))
    return next((dtype for dtype in arrays if dtype.itemsize == 2 and dtype in HALF), None)


def widened(tree: Tree) -> Tree:
    """Half types as float32, exactly. An object that stands in several places stays one."""
    known: dict[int, np.ndarray] = {}

    def change(_: Path, leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and leaf.dtype in HALF:
            return known.setdefault(id(leaf), leaf.astype(np.float32))
        return leaf

    return rebuild(tree, change)


def narrowed(tree: Tree, half: np.dtype) -> Tree:
    """Floating-point arrays and NumPy numbers rounded to a half type; whole numbers, and what is no array, as they are."""

    def change(_: Path, leaf: Any) -> Any:
        floating = isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f"
        return leaf.astype(half) if floating else leaf

    return rebuild(tree, change)
