"""Trees of arrays: walking and rebuilding nested dictionaries, lists and tuples; and how they, and their like, are spelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from veriformer.impls.protocol import Path, Tree

NESTED = (dict, list, tuple)


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path, in a fixed order."""
    if not isinstance(tree, NESTED):
        yield path, tree
        return
    for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(item, NESTED):
            yield from leaves(item, (*path, key))
        else:
            yield (*path, key), item


def rebuild(tree: Tree, change: Callable[[Path, Any], Any], path: Path = ()) -> Tree:
    """The same nesting, each leaf replaced by `change(path, leaf)`."""
    if isinstance(tree, dict):
        return {key: rebuild(item, change, (*path, key)) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        items = [rebuild(item, change, (*path, index)) for index, item in enumerate(tree)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return change(path, tree)


def flat(tree: Tree) -> dict[str, Any]:
    """Every leaf under its path, written as one name: "encoder/layers/0/norm_1/gamma"."""
    return {"/".join(map(str, path)): leaf for path, leaf in leaves(tree)}


def nested(arrays: Mapping[str, Any], like: Tree) -> Tree:
    """Arrays under such names in the nesting of another tree."""
    return rebuild(like, lambda path, _: arrays["/".join(map(str, path))])


def spelled(path: Path, names: tuple[str, ...] = ()) -> str:
    """A path as a person would write it: `params["w_q"]`, `q`."""
    if not path:
        return "output"
    first, *rest = path
    head = names[first] if isinstance(first, int) and first < len(names) else f"argument {first}"
    return head + "".join(f"[{key!r}]" for key in rest)


def without_addresses(text: str) -> str:
    """What somebody else's code says, without addresses in memory: they differ from run to run, and mean nothing."""
    return re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", text)
