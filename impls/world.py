"""World: what code shares with everybody else in its process, and whether a call has left it as it was."""

from __future__ import annotations

import os
import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from veriformer.impls.protocol import GENERATORS, Setting

TIMES = 3
"""A change counts when each of so many calls makes it. What happens once, at the first call, is not the call's doing: a
framework that is imported late adds filters for warnings, a pool starts its threads when it is first used."""
ENDING = 0.25
"""Seconds that a thread may take to end after the call."""
NUMPYS, PYTHONS, _ = GENERATORS


def numpys_generator() -> tuple[Any, ...]:
    """The state of numpy.random, as values that can be compared."""
    name, keys, *rest = np.random.get_state()
    return (name, np.asarray(keys).tobytes(), *rest)


def set_numpys_generator(state: tuple[Any, ...]) -> None:
    """The inverse."""
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))


def set_warnings(filters: list[Any]) -> None:
    """Put back the filters for warnings, as `warnings.catch_warnings` does."""
    warnings.resetwarnings()
    warnings.filters[:] = filters  # type: ignore[index]


def set_environment(variables: Mapping[str, str]) -> None:
    """Put back the environment."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


EVERYWHERE: Mapping[str, Setting] = {
    NUMPYS: (numpys_generator, set_numpys_generator),
    PYTHONS: (random.getstate, random.setstate),
    "the environment": (lambda: dict(os.environ), set_environment),
    "the filters for warnings": (lambda: list(warnings.filters), set_warnings),
    "numpy.seterr": (np.geterr, lambda found: np.seterr(**found)),
    "the working directory": (os.getcwd, os.chdir),
}
"""What all code shares, whatever framework it uses: how it is looked at, and put back."""


class World:
    """The world as it was at first: what was changed since is put back before a call is watched."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self.settings = settings
        self.first = {name: look() for name, (look, _) in settings.items()}

    def put_back(self) -> dict[str, str]:
        """Put back what has changed; what that is, and how it differs."""
        found: dict[str, str] = {}
        for name, (look, put_back) in self.settings.items():
            now = look()
            if now != self.first[name]:
                found |= dict(named(name, self.first[name], now))
                put_back(self.first[name])
        return found


@dataclass
class Watched:
    """Calls functions, and remembers what each call has changed."""

    world: World
    changes: list[dict[str, str]] = field(default_factory=list)

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The function's answer."""
        self.world.put_back()
        threads = set(threading.enumerate())
        try:
            return function(*arguments, **options)
        finally:
            self.changes.append({**dict(left_running(threads)), **self.world.put_back()})

    @property
    def suspicious(self) -> bool:
        """Is a call to be seen, again if each so far has changed something?"""
        return not self.changes or (bool(self.changed) and len(self.changes) < TIMES)

    @property
    def changed(self) -> tuple[str, ...]:
        """What every call has changed, and how."""
        always = set.intersection(*(set(found) for found in self.changes))
        return tuple(f"{name}{how}" for name, how in sorted(self.changes[-1].items()) if name in always)


def left_running(before: set[threading.Thread]) -> Iterator[tuple[str, str]]:
    """Python's threads that were started and have not ended; those of the frameworks' own C++ are none of them."""
    deadline = time.monotonic() + ENDING
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading._DummyThread):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            yield "a thread left running", f" ({re.sub('[0-9]+', 'N', thread.name)})"


def named(name: str, before: Any, after: Any) -> Iterator[tuple[str, str]]:
    """What has changed, from what to what, where that can be read."""
    if isinstance(before, dict):
        for key in sorted(before.keys() | after.keys(), key=str):
            if before.get(key) != after.get(key):
                yield f"{name}: {key}", f" (was {before.get(key)!r}, is {after.get(key)!r})"
    elif isinstance(before, tuple | list | bytes):
        yield name, ""
    else:
        yield name, f" (was {before}, is {after})"
