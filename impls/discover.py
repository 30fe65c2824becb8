"""Finding implementations: by path, by name, by entry point. One that cannot be loaded is reported, never raised."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from veriformer.impls.protocol import Implementation

GROUP = "veriformer.implementations"
"""The entry-point group in which an installed package announces its implementations."""


@dataclass(frozen=True)
class Found:
    """What a target led to: an implementation, or the reason why there is none."""

    target: str
    implementation: Implementation | None = None
    error: str = ""
    details: str = ""
    """The traceback, for whoever wants it."""
    named: bool = True
    """Was it asked for by name? An installed one that `all` found, and that cannot be loaded, is no misuse."""

    @property
    def name(self) -> str:
        """The implementation's name, or the target when nothing was found there."""
        return self.implementation.name if self.implementation else self.target


def find(target: str) -> list[Found]:
    """The implementations that a target names.

    `all`: every installed one. A path to a Python file. `package.module` or `package.module:object`. The name of an
    installed entry point (`numpy`, `torch`, `jax`).
    """
    if target == "all":
        return [replace(load(name, entry.value), named=False) for name, entry in sorted(installed().items())]
    if target in installed():
        return [load(target, installed()[target].value)]
    if target.endswith((".py", ".")) or "/" in target or Path(target).is_file():
        return from_file(target)
    return from_name(target)


def installed() -> dict[str, importlib.metadata.EntryPoint]:
    """Entry points by name, ours among them."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


def load(name: str, value: str) -> Found:
    """One entry point."""
    found = from_name(value)
    return (
        found[0]
        if len(found) == 1
        else Found(name, error=f"entry point {name} = {value} names {len(found)} implementations")
    )


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
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"_veriformer_target_{path.stem}_{digest}"
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
    return [Found(target, value)]


def offered(target: str, module: Any) -> list[Found]:
    """Every module-level Implementation, each once."""
    implementations = {id(value): value for value in vars(module).values() if isinstance(value, Implementation)}
    if not implementations:
        return [Found(target, error='holds no Implementation; write impl = Implementation("my-kernels", '
                                    'backend="numpy") at its top level')]  # fmt: skip
    return [Found(target, implementation) for implementation in implementations.values()]


def failed(target: str, error: BaseException) -> Found:
    """An import that raised."""
    try:
        said, details = str(error), "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  (a message may be as broken as what raised it)
        said, details = "(its message could not be read)", ""
    return Found(target, error=f"{type(error).__name__}: {said}", details=details)
