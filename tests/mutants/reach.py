"""Where a function of ours shows: in the component of its file, or, if that never calls it, in those that import it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.mutants.planted import OURS, source
from veriformer.spec import COMPONENTS


def judged_in(framework: str, component: str, function: str) -> tuple[str, ...]:
    """The components in which a slip in this function, or class, can show."""
    name = function.partition(".")[0]
    if not name or name in reached(framework, component, imported(framework, "__init__", component)):
        return (component,)
    others = [one for one in COMPONENTS if one != component and (Path(OURS) / framework / f"{one}.py").exists()]
    users = [one for one in others if name in reached(framework, component, imported(framework, one, component))]
    return tuple(users) or (component,)


@cache
def imported(framework: str, user: str, component: str) -> frozenset[str]:
    """What one file imports from another."""
    module = f"veriformer.impls.{framework}.{component}"
    tree = ast.parse(source(framework, user))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == module]
    return frozenset(one.name for node in nodes for one in node.names)


@cache
def reached(framework: str, component: str, start: frozenset[str]) -> frozenset[str]:
    """What is defined in a file and named, however indirectly, by these of its definitions."""
    body = ast.parse(source(framework, component)).body
    defined = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    found, waiting = set[str](), [name for name in start if name in defined]
    while waiting:
        name = waiting.pop()
        found.add(name)
        named = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
        waiting += sorted(named & defined.keys() - found)
    return frozenset(found)
