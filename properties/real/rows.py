"""Rows: the part of a question that is certified, small because rows act alone, and a question cut down to fail small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.law import Case

ROWS = 2
COLUMNS = 32
"""How many rows of each call are certified, and how many columns where a last product makes them."""

ACT_ALONE = MappingProxyType({"embedding": 1, "residual": 2, "layer_norm": 1, "feed_forward": 1})
"""Component -> how many of its first arguments are cut when only some rows of the answer are wanted."""

LAST = MappingProxyType({"feed_forward": ("w_2", "b_2"), "multi_head_attention": ("w_o", "b_o")})
"""Component -> the weights whose columns make the columns of the answer."""

ATTENTION = {f"w_{name}": "mh" for name in "qkv"} | {f"b_{name}": "h" for name in "qkv"} | {"w_o": "hm", "b_o": "m"}
FEED = {"w_1": "mh", "b_1": "h", "w_2": "hm", "b_2": "m"}
AXES: Mapping[str, Mapping[Path, str]] = MappingProxyType(
    {
        "embedding": {(1,): "m"},
        "learned_positions": {(1,): "m"},
        "residual": {(0,): "m", (1,): "m"},
        "layer_norm": {(0,): "m", (1,): "m", (2,): "m"},
        "feed_forward": {(0,): "m", **{(1, name): axes for name, axes in FEED.items()}},
        "multi_head_attention": {
            (0,): "m",
            (1,): "km",
            **{(2, name): axes for name, axes in ATTENTION.items()},
            ("mask",): "k",
        },
    }
)
"""Component -> what the last axes of each argument are: m as wide as the model, h hidden units or heads, k keys."""


def essential(component: str, arguments: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The same question without the rows of a table that nobody asks for: the formula never reads them."""
    if component == "embedding":
        tokens, table = arguments
        used, places = np.unique(tokens, return_inverse=True)
        return places.reshape(tokens.shape), table[used]
    if component == "learned_positions":
        length, table = arguments
        return length, table[:length]
    return arguments


def drawn(component: str, case: Case, rng: np.random.Generator) -> dict[str, Any]:
    """Which rows, and which columns, of this call are certified. Rows of attention share one example's memory."""
    if component == "learned_positions":
        return {}
    lead = np.shape(case.arguments[0])
    length = lead[1]
    first = int(rng.integers(lead[0])) * length
    rows = first + rng.choice(length, min(ROWS, length), replace=False)
    if component in ACT_ALONE:
        rows = rng.choice(lead[0] * length, min(ROWS, lead[0] * length), replace=False)
    if component not in LAST:
        return {"rows": rows}
    width = case.arguments[-1][LAST[component][1]].shape[0]
    return {"rows": rows, "columns": np.sort(rng.choice(width, min(COLUMNS, width), replace=False))}


def cut(component: str, case: Case) -> Case:
    """The case that gives just the rows and columns drawn, exactly."""
    arguments = list(essential(component, case.arguments))
    options, rows = dict(case.options), case.extra.get("rows")
    if rows is not None and component in ACT_ALONE:
        for position in range(ACT_ALONE[component]):
            arguments[position] = chosen(arguments[position], rows, axes=int(component != "embedding"))
    elif rows is not None and arguments[0].ndim > 2:
        example, length = rows[0] // arguments[0].shape[1], arguments[0].shape[1]
        arguments[:2] = arguments[0][example][rows % length], arguments[1][example]
        options |= {"mask": options["mask"][example]} if "mask" in options else {}
    elif rows is not None:
        arguments[0] = arguments[0][rows]
    columns = case.extra.get("columns")
    if columns is not None:
        w, b = LAST[component]
        arguments[-1] = arguments[-1] | {w: arguments[-1][w][:, columns], b: arguments[-1][b][columns]}
    return case.but(arguments=tuple(arguments), options=options, extra={}, aliases=())


def chosen(array: np.ndarray, rows: np.ndarray, axes: int = 1) -> np.ndarray:
    """Some rows of all that an array holds, whose last `axes` axes make a row."""
    return array.reshape(-1, *array.shape[array.ndim - axes :])[rows]


def kept(answer: np.ndarray, case: Case) -> np.ndarray:
    """The rows and columns drawn, of an answer to the whole case."""
    rows, columns = case.extra.get("rows"), case.extra.get("columns")
    if rows is None:
        return answer
    picked = chosen(answer, rows)
    return picked if columns is None else picked[:, columns]


def lone(component: str, case: Case, row: int) -> Case:
    """The case cut to one row of the answer, all columns kept."""
    if component == "learned_positions":
        return case
    return cut(component, case.but(extra={"rows": np.array([row])})).but(extra={"rows": np.array([0])})


def narrower(component: str, case: Case) -> Iterator[Case]:
    """The same question with one axis cut: a half of the hidden units, the keys or the model's width; whole heads."""
    for name in "hkm":
        sizes = {leaf.shape[axis] for leaf, axis in spans(component, case, name)}
        if len(sizes) != 1:
            continue
        size, options = sizes.pop(), dict(case.options)
        parts = 2
        if name == "h" and options.get("n_heads", 1) > 1:
            parts = next(p for p in range(2, options["n_heads"] + 1) if options["n_heads"] % p == 0)
            options["n_heads"] //= parts
        for start in range(0, size // parts * parts, size // parts or 1):
            smaller = sliced(component, case.but(options=options), name, slice(start, start + size // parts))
            if np.all(np.any(smaller.options.get("mask", True), axis=-1)):  # every query keeps a key
                yield smaller


def spans(component: str, case: Case, name: str) -> Iterator[tuple[np.ndarray, int]]:
    """Every array that has this axis, and which it is, from the end."""
    for path, leaf in (*leaves(case.arguments), *leaves(dict(case.options))):
        axes = AXES[component].get(path, "")
        if name in axes:
            yield leaf, axes.index(name) - len(axes)


def sliced(component: str, case: Case, name: str, part: slice) -> Case:
    """Every array that has this axis, cut along it."""

    def change(path: Path, leaf: Any) -> Any:
        axes = AXES[component].get(path, "")
        if name not in axes:
            return leaf
        after = (slice(None),) * (len(axes) - axes.index(name) - 1)
        return np.ascontiguousarray(leaf[(..., part, *after)])

    return case.but(arguments=rebuild(case.arguments, change), options=rebuild(dict(case.options), change))
