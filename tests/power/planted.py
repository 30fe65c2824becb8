"""The planted bugs that the comparison is made on: slips of one line in copies of our own code, and re-created real ones."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.planted_copy import copied, forgotten, plant
from tests.planted_edits import AGREES, EDITS, GRADIENTS
from tests.planted_slips import SLIPS
from veriformer import Implementation
from veriformer.impls.discover import find

BUGS = Path(__file__).parent.parent / "bugs"


def slips() -> list[tuple[str, str, str, str, str]]:
    """Framework, component, name, old text and new text of every planted slip that shows in values; JAX, which would compile
    each in every size, is left out."""
    told = [("numpy", one.component, one.named, one.old, one.new) for one in SLIPS if not one.through]
    told += [("numpy", one.component, one.named, one.old, one.new) for one in SLIPS if one.component in one.through]
    edits = [one for one in EDITS if one.framework != "jax" and one.law in (AGREES, GRADIENTS)]
    return told + [(one.framework, one.component, one.slip, one.old, one.new) for one in edits]


@contextmanager
def planted(framework: str, component: str, old: str, new: str) -> Iterator[Implementation]:
    """A copy of our own implementation with one slip in it."""
    with tempfile.TemporaryDirectory() as folder, forgotten():
        target = copied(framework, Path(folder))
        plant(target, component, old, new)
        (found,) = find(str(target))
        assert found.implementation is not None, found.error
        yield found.implementation


def real() -> list[Any]:
    """The re-created real bugs, in the order of their files."""
    files = sorted(path.stem for path in BUGS.glob("*.py") if path.stem != "bug")
    return [bug for name in files for bug in importlib.import_module(f"tests.bugs.{name}").BUGS]
