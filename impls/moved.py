"""Moved: the arguments of one call inside a framework, and whether anybody wrote to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from veriformer.impls.layout import LaidOut, lay_out
from veriformer.impls.protocol import COTANGENT, Backend, Call, Path, Tree
from veriformer.impls.tree import leaves, rebuild, spelled


class Moved:
    """The arguments of one call inside the framework, with the memory that they came from."""

    def __init__(self, backend: Backend, call: Call, device: str) -> None:
        self.memory: dict[Path, LaidOut] = {}
        shared = {other: group[0] for group in call.aliases for other in group[1:]}
        moved: list[Tree] = []
        for position, argument in enumerate((*call.arguments, call.script)):
            if position in shared:
                moved.append(moved[shared[position]])
                continue
            moved.append(rebuild(argument, self.mover(backend, call, device), (position,)))
        *arguments, self.script = moved
        self.arguments = tuple(arguments)
        self.options = {
            name: rebuild(value, self.mover(backend, call, device), (name,)) for name, value in call.options.items()
        }
        self.cotangent = rebuild(call.cotangent, self.mover(backend, call, device), (COTANGENT,))
        self.before = {path: laid.snapshot() for path, laid in self.memory.items()}
        self.native = {path: leaf for path, leaf in self.native_leaves() if backend.is_native(leaf)}
        self.native_before = {
            path: backend.move_out(leaf).tobytes() for path, leaf in self.native.items() if not self.is_ours(path, leaf)
        }

    def mover(self, backend: Backend, call: Call, device: str) -> Callable[[Path, Any], Any]:
        def move(path: Path, leaf: Any) -> Any:
            if not isinstance(leaf, np.ndarray):
                return leaf
            self.memory[path] = lay_out(leaf, call.layouts.get(path, "contiguous"))
            return backend.move_in(self.memory[path].array, device)

        return move

    def is_ours(self, path: Path, leaf: Any) -> bool:
        """Is what the framework holds the very array that was laid out?"""
        return path in self.memory and self.memory[path].array is leaf

    def native_leaves(self) -> list[tuple[Path, Any]]:
        """Every argument leaf as the framework holds it."""
        found = list(leaves((*self.arguments, self.script)))
        for name, value in self.options.items():
            found += list(leaves(value, (name,)))
        return found + list(leaves(self.cotangent, (COTANGENT,)))

    def changed(self, backend: Backend) -> tuple[str, ...]:
        """Names of the leaves whose bytes are not what they were, in our memory or in the framework's."""
        here = {path for path, laid in self.memory.items() if laid.snapshot() != self.before[path]}
        for path, before in self.native_before.items():
            if backend.move_out(self.native[path]).tobytes() != before:
                here.add(path)
        names = (*(f"argument {position}" for position in range(len(self.arguments))), "script")
        paths = sorted(here, key=str)
        return tuple(spelled(path, names) if isinstance(path[0], int) else str(path[0]) for path in paths)
