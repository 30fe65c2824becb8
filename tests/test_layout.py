"""The house: who may import whom, what each file is called, and who alone compares."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from veriformer.spec import COMPONENTS

ROOT = Path(__file__).parents[1]
ROOMS = ("spec", "impls", "properties", "bench", "reports", "veriformer")
FRAMEWORKS = ("numpy", "torch", "jax")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EACH_FILE = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in FILES]

DOORS = tuple(f"veriformer.impls.{name}" for name in ("protocol", "tree", "layout", "discover", "worker"))
MAY_IMPORT = {
    "spec": ("veriformer.spec",),
    "impls": ("veriformer.impls",),
    "properties": ("veriformer.properties", "veriformer.spec", "veriformer.record", *DOORS),
    "bench": ("veriformer.bench", "veriformer.spec", "veriformer.record", *DOORS),
    "reports": ("veriformer.reports", "veriformer.record"),
    "veriformer": ("veriformer",),
}
"""Room -> what it may know of the rest of the house. What is no part of it is not listed."""
TOLERANCES = ("atol", "rtol", "allclose", "isclose", "assert_close", "assert_allclose", "approx")
EVIDENCE = ("observed", "allowed", "bound", "reply", "outputs", "outputs_with_grad", "gradients", "ratio", "distances")
"""Attributes that hold what came out, or how far it may be from what should have."""
PLAIN_NUMBERS = (0.0, 0.5, 1.0, 2.0)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules of the house that a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import may load a second copy"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if is_module(name) else str(node.module)


def is_module(name: str) -> bool:
    """Is `veriformer.impls.torch` a module of the house, rather than a name within one?"""
    head, *rest = name.split(".")
    if head != "veriformer" or not rest:
        return False
    start = ROOT if rest[0] in ROOMS else ROOT / "veriformer"
    place = start.joinpath(*rest)
    return place.is_dir() or place.with_suffix(".py").is_file()


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", EACH_FILE)
def test_imports_run_down(path: Path) -> None:
    """A test stands above the house in whatever room it is: it asks by the front door."""
    allowed = ("veriformer.testing",) if path.name.startswith("test_") else MAY_IMPORT[room_of(path)]
    assert [name for name in imported(path) if within(name, ("veriformer",)) and not within(name, allowed)] == []


def test_the_leaves_of_the_house_import_nothing_of_it() -> None:
    for leaf in ("veriformer/record.py", "impls/protocol.py"):
        assert [name for name in imported(ROOT / leaf) if within(name, ("veriformer",))] == []


def test_no_framework_is_imported_outside_its_own_folder() -> None:
    found = {
        str(path.relative_to(ROOT)): name
        for path in FILES
        for name in imported(path)
        if name.split(".")[0] in ("torch", "jax") and not within_folder(path, ROOT / "impls" / name.split(".")[0])
    }
    assert found == {}


def within_folder(path: Path, folder: Path) -> bool:
    return folder in path.parents


@pytest.mark.parametrize("path", EACH_FILE)
def test_the_first_line_says_what_a_file_is(path: Path) -> None:
    said = ast.get_docstring(tree_of(path))
    assert said
    assert path.read_text(encoding="utf-8").startswith('"""')


def test_every_package_is_installed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in FILES}
    found = {
        ".".join(parts if parts[0] == "veriformer" else ("veriformer", *parts)) for parts in (f.parts for f in folders)
    }
    assert set(setuptools["packages"]) == found
    assert set(setuptools["package-dir"].values()) == set(ROOMS)


def test_every_package_has_its_own_init() -> None:
    assert [str(path.parent) for path in FILES if not (path.parent / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_has_one_name_everywhere(name: str) -> None:
    homes = ["spec", "properties", *(f"impls/{framework}" for framework in FRAMEWORKS)]
    assert [home for home in homes if not (ROOT / home / f"{name}.py").is_file()] == []


def comparisons(path: Path) -> Iterator[ast.Compare]:
    """Every comparison of order in a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Compare) and any(isinstance(o, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for o in node.ops):
            yield node


def in_rooms(*rooms: str, but: str = "") -> list[Any]:
    """The files of some rooms."""
    return [each for each in EACH_FILE if room_of(each.values[0]) in rooms and each.values[0].name != but]


@pytest.mark.parametrize("path", in_rooms("properties", "bench", "veriformer", but="judge.py"))
def test_only_the_judge_compares_evidence(path: Path) -> None:
    found = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in comparisons(path)
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute) and part.attr in EVIDENCE
    ]
    assert found == []


def is_a_lot(node: ast.Compare) -> bool:
    """A lot drawn, `rng.random(shape) < 0.1`: a probability, and no threshold."""
    return isinstance(node.left, ast.Call) and ast.unparse(node.left.func).endswith(".random")


@pytest.mark.parametrize("path", in_rooms("properties", "bench"))
def test_no_threshold_is_written_by_hand(path: Path) -> None:
    found = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in comparisons(path)
        if not is_a_lot(node)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, float) and part.value not in PLAIN_NUMBERS
    ]
    assert found == []


@pytest.mark.parametrize("path", EACH_FILE)
def test_no_tolerance_is_picked(path: Path) -> None:
    """Words in sentences are fine; names, attributes and keywords are not."""
    found = []
    for node in ast.walk(tree_of(path)):
        names = {
            ast.Name: lambda n: (n.id,),
            ast.Attribute: lambda n: (n.attr,),
            ast.keyword: lambda n: (n.arg,),
            ast.arg: lambda n: (n.arg,),
            ast.alias: lambda n: (n.name.split(".")[-1], n.asname),
        }.get(type(node), lambda n: ())(node)
        found += [f"{name} at line {getattr(node, 'lineno', '?')}" for name in names if name in TOLERANCES]
    assert found == []


def test_the_front_door_opens_without_a_framework() -> None:
    heavy = ("torch", "jax", "pandas", "hypothesis", "flint", "matplotlib", "scipy", "pytest")
    program = f"import sys, veriformer; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
