"""Copies of our own implementations, with edits planted in them: what the tests of planted slips check."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from veriformer import impls

PRIVATE = "planted_copy_of_ours"


@contextmanager
def forgotten() -> Iterator[None]:
    """What is imported from a copy is forgotten again."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if PRIVATE in name]:
            del sys.modules[name]


def copied(framework: str, folder: Path, lines: Iterable[str] = ()) -> Path:
    """A file to check: our implementation copied to a package of its own, and what is said of it."""
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    package = folder / PRIVATE
    (own,) = impls.__path__
    shutil.copytree(Path(own) / framework, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in package.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(rf"\bveriformer\.impls\.{framework}\b", PRIVATE, text), encoding="utf-8")
    target = folder / f"{PRIVATE}_target.py"
    target.write_text("\n".join([f"from {PRIVATE} import impl", *lines, ""]), encoding="utf-8")
    return target


def plant(target: Path, component: str, old: str, new: str) -> None:
    """Make an edit in the copy's file of a component, in the one place where its text stands."""
    file = target.parent / PRIVATE / f"{component}.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name}: {old!r} stands {text.count(old)} times, wanted: once"
    file.write_text(text.replace(old, new), encoding="utf-8")
