"""Finding implementations: by path, by name, by entry point. One that cannot be loaded is reported, never raised."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from veriformer.impls.protocol import Door, Implementation, Misuse
from veriformer.impls.worker import backend_of, open_door

GROUP = "veriformer.implementations"
"""The entry-point group in which an installed package announces its implementations."""

PRIVATE = "_veriformer_target_"
DIGITS = 12
"""A file is imported under a name that begins so, and ends with so many digits: no module is shadowed by it."""


def said(module: str) -> str:
    """A module's name, or that of the file that was imported under a private one."""
    return module.removeprefix(PRIVATE)[: -DIGITS - 1] if module.startswith(PRIVATE) else module


@dataclass(frozen=True)
class Place:
    """Where a target leads, found out without importing anything."""

    target: str
    """A file, or `package.module[:object]`."""
    file: bool = False
    entry: str = ""
    """The entry point that announces it."""
    named: bool = True
    """Was it asked for by name? An installed one that `all` found, and that cannot be loaded, is no misuse."""


@dataclass(frozen=True)
class Found:
    """What a target led to: an implementation, or the reason why there is none."""

    target: str
    implementation: Implementation | None = None
    error: str = ""
    details: str = ""
    """The traceback, for whoever wants it."""
    named: bool = True
    at: str = ""
    """The module and the variable that hold it: two targets may lead to one implementation."""

    @property
    def name(self) -> str:
        """The implementation's name, or the target when nothing was found there."""
        return self.implementation.name if self.implementation else self.target

    @property
    def sources(self) -> Mapping[str, str]:
        """Module -> digest of its file, of all that the target itself consists of, where that is known."""
        return {}

    @property
    def present(self) -> Implementation:
        """The implementation. Raises Misuse when there is none."""
        if self.implementation is None:
            raise Misuse(f"{self.target}: {self.error}")
        return self.implementation

    def open(self, dtype: str, device: str) -> Door:
        """A door to it, in this process."""
        return open_door(self.present, dtype, device)

    def devices(self) -> tuple[str, ...]:
        """The devices of this machine that its framework can use. Raises Misuse when it is not installed."""
        return backend_of(self.present).devices()

    def versions(self) -> Mapping[str, str]:
        """The versions of its framework. Raises Misuse when it is not installed."""
        return backend_of(self.present).versions()

    def close(self) -> None:
        """Let go of what was kept ready for doors."""


def find(target: str) -> list[Found]:
    """The implementations that a target names, imported into this process.

    `all`: every installed one. A path to a Python file. `package.module` or `package.module:object`. The name of an
    installed entry point (`numpy`, `torch`, `jax`).
    """
    return [found for place in places(target) for found in load(place)]


def places(target: str) -> list[Place]:
    """The places that a target names."""
    if target == "all":
        return [Place(entry.value, entry=name, named=False) for name, entry in sorted(installed().items())]
    if target in installed():
        return [Place(installed()[target].value, entry=target)]
    return [Place(target, file=target.endswith((".py", ".")) or "/" in target or Path(target).is_file())]


def installed() -> dict[str, importlib.metadata.EntryPoint]:
    """Entry points by name, ours among them."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


def load(place: Place) -> list[Found]:
    """Import what is there."""
    found = from_file(place.target) if place.file else from_name(place.target)
    if place.entry and len(found) != 1:
        said = f"entry point {place.entry} = {place.target} names {len(found)} implementations"
        found = [Found(place.entry, error=said)]
    return [replace(one, named=place.named) for one in found]


def from_file(target: str) -> list[Found]:
    """Every Implementation at the top level of a Python file, imported under a private name.

    Its folder goes to the end of the path: it may import its neighbours, but never shadows an installed package.
    """
    path = Path(target)
    if path.is_dir():
        return [Found(target, error="is a folder; name a Python file in it")]
    if not path.is_file():
        return [Found(target, error="there is no such file")]
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:DIGITS]
    name = f"{PRIVATE}{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return [Found(target, error="is not a Python file")]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        sys.modules.pop(name, None)
        return [failed(target, error)]
    return offered(target, module)


def from_name(target: str) -> list[Found]:
    """`package.module` (every Implementation in it) or `package.module:object`, installed or in this folder."""
    module_name, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
        value = getattr(module, attribute) if attribute else None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]:
            known = ", ".join(sorted(installed()))
            return [
                Found(target, error=f"no file, module or installed implementation of this name; installed: {known}")
            ]
        return [failed(target, error)]
    if not attribute:
        return offered(target, module)
    if not isinstance(value, Implementation):
        return [Found(target, error=f"is of type {type(value).__name__}, not a veriformer.Implementation")]
    return [Found(target, value, at=f"{module_name}:{attribute}")]


def offered(target: str, module: Any) -> list[Found]:
    """Every module-level Implementation, each once."""
    held = {id(value): name for name, value in reversed(vars(module).items()) if isinstance(value, Implementation)}
    if not held:
        return [Found(target, error='holds no Implementation; write impl = Implementation("my-kernels", '
                                    'backend="numpy") at its top level')]  # fmt: skip
    return [Found(target, getattr(module, name), at=f"{module.__name__}:{name}") for name in reversed(held.values())]


def failed(target: str, error: BaseException) -> Found:
    """An import that raised."""
    try:
        said, details = str(error), "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  (a message may be as broken as what raised it)
        said, details = "(its message could not be read)", ""
    return Found(target, error=f"{type(error).__name__}: {said}", details=details)
