"""A slip planted in memory: our implementation once more, with another source for one of its files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from veriformer import Implementation, impls

PRIVATE = "mutant_of_ours"
(OURS,) = impls.__path__


class Mutated(MetaPathFinder, InspectLoader):
    """Finds and loads the package PRIVATE: the files of a framework, one of them replaced."""

    def __init__(self, framework: str, component: str, text: str) -> None:
        self.framework, self.replaced, self.text = framework, f"{PRIVATE}.{component}", text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ours to load if it is called so."""
        ours = fullname == PRIVATE or fullname.startswith(f"{PRIVATE}.")
        return ModuleSpec(fullname, self, is_package=fullname == PRIVATE) if ours else None

    def get_source(self, fullname: str) -> str:
        """What stands in the file; its imports of the framework's folder lead to PRIVATE."""
        if fullname == self.replaced:
            return renamed(self.framework, self.text)
        return renamed(self.framework, source(self.framework, fullname.removeprefix(PRIVATE).lstrip(".") or "__init__"))

    def get_code(self, fullname: str) -> CodeType:
        """Compiled anew only where there is something new."""
        if fullname == self.replaced:
            return self.source_to_code(self.get_source(fullname), f"<{fullname}>")
        return compiled(self.framework, self.get_source(fullname), fullname)


def source(framework: str, name: str) -> str:
    """A file of ours."""
    return (Path(OURS) / framework / f"{name}.py").read_text(encoding="utf-8")


def renamed(framework: str, text: str) -> str:
    """Its neighbours are those in the mutated package."""
    return re.sub(rf"\bveriformer\.impls\.{framework}\b", PRIVATE, text)


@cache
def compiled(framework: str, text: str, fullname: str) -> CodeType:
    """A file that many mutants have in common."""
    return InspectLoader.source_to_code(text, f"<{fullname} of {framework}>")


@contextmanager
def planted(framework: str, component: str, text: str) -> Iterator[Implementation]:
    """Our implementation with this text in the place of the component's file. Whatever importing it raises is raised."""
    finder = Mutated(framework, component, text)
    sys.meta_path.insert(0, finder)
    try:
        implementation: Implementation = import_module(PRIVATE).impl
        yield implementation
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == PRIVATE]:
            del sys.modules[name]
