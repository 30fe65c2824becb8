"""Tensors by name: menus, draws and the laws that all updates of parameters share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path, Tree
from veriformer.impls.tree import leaves
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, not_above, relation, times
from veriformer.properties.probes import Draw, Row
from veriformer.properties.truth import Truth, place
from veriformer.spec.component import require

NAMES = ("w", "b", "c", *(f"p{i}" for i in range(3, 120)))
FAR_FROM_THE_ENDS = (
    "integers",
    "normal",
    "ties",
    "constant",
    "one_hot",
    "small",
    "low_variance",
    "offset",
    "outliers",
    "large",
)
"""Kinds whose numbers may be scaled, and their squares too, without over- or underflow."""
Named = dict[str, np.ndarray]


def row(*shapes: tuple[int, ...], **more: Any) -> dict[str, Any]:
    """Sizes of one case: the shapes of its arrays, how many arrays, and how many numbers in all."""
    return {"shapes": shapes, "tensors": len(shapes), "numbers": sum(int(np.prod(shape)) for shape in shapes), **more}


SHAPES = (
    ((3,),),
    ((2, 3), (3,)),
    ((2, 2), (2, 2), (1,)),
    ((1, 1),),
    ((4, 2), (4, 2)),
    ((2, 2, 3), (5,)),
    ((33,), (2, 4), ()),
)
"""Arrays of none to three axes, some of one shape: what is paired by position is then paired wrongly, not refused."""
MANY = ((1,),) * 120
"""More than a kernel that is launched once for many arrays takes at a time (110 in PyTorch's)."""


def several(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows with more than one array."""
    return tuple(r for r in rows if r["tensors"] != 1)


def named(recipe: Draw, prefix: str, kind: str | None = None) -> Named:
    """One array for each shape of the row."""
    shapes = zip(NAMES, recipe["shapes"], strict=False)  # of the names as many as there are shapes
    return {name: recipe.array(f"{prefix}.{name}", shape, kind) for name, shape in shapes}


def mapped(change: Any, *trees: Named) -> Named:
    """A function of the arrays of one name, for every name."""
    return {name: np.asarray(change(*(tree[name] for tree in trees))) for name in trees[0]}


def zeros(arrays: Named) -> Named:
    """Arrays of these names, shapes and dtype, all 0."""
    return mapped(np.zeros_like, arrays)


def scaled(arrays: Named, factor: float) -> Named:
    """Each number times a power of two. Raises NotJudged where that leads out of the dtype's range."""
    return mapped(lambda array: times(array, factor), arrays)


def gridded(recipe: Draw, prefix: str, arrays: Named) -> Named:
    """Arrays of these names and shapes on one grid, where sums of a few are exact."""
    return {name: recipe.grid(f"{prefix}.{name}", array.shape) for name, array in arrays.items()}


def by_path(answer: Answer) -> dict[Path, tuple[np.ndarray, Truth]]:
    """Every array answered, under its place."""
    return {path: (got, truth) for path, got, truth in answer.each()}


def matched(one: Answer, other: Answer, comparison: str, factors: Any = lambda path: 1.0) -> tuple[Evidence, ...]:
    """One answer beside another, each array times its factor, within the two bounds."""
    wanted = by_path(other)
    return tuple(
        relation(
            f"{place(path)} {comparison}",
            got,
            factors(path) * wanted[path][0],
            truth.bound + np.abs(factors(path)) * wanted[path][1].bound,
            truth.scale,
        )
        for path, got, truth in one.each()
    )


def beside(comparison: str, got: np.ndarray, wanted: np.ndarray, truth: Truth) -> Evidence:
    """An answer beside what a law says that it is, within the answer's bound."""
    return relation(comparison, got, wanted, truth.bound, truth.scale)


def signs(array: np.ndarray) -> np.ndarray:
    """1, 0 or -1."""
    return np.sign(array.astype(np.float64))


def not_beyond_zero(comparison: str, got: np.ndarray, truth: Truth) -> Evidence:
    """Numbers that must not be positive, beyond what the bound allows."""
    return not_above(comparison, got, np.zeros(got.shape), truth.bound, truth.scale)


def turned(arrays: Named) -> Named:
    """The same names in the opposite order."""
    return dict(reversed(arrays.items()))


def reordered(case: Case) -> Case:
    """The last dictionary of arrays among the arguments (gradients, where there are any) in the opposite order."""
    positions = [i for i, a in enumerate(case.arguments) if isinstance(a, dict) and is_named(a)]
    require(bool(positions), "no argument holds arrays by name")
    return case.replacing(positions[-1], turned(case.arguments[positions[-1]]))


def is_named(tree: Tree) -> bool:
    """Arrays by name, nothing nested."""
    return all(isinstance(leaf, np.ndarray) for leaf in tree.values())


def in_another_order(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f with the names in another order is f."""
    return matched(experiment.ask(reordered(case)), experiment.ask(case), "for the names in order")


def halves(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Before and after the middle of the first axis."""
    middle = array.shape[0] // 2
    return array[:middle].copy(), array[middle:].copy()


def split(tree: Tree, name: str) -> Tree:
    """The array of this name in two arrays, wherever it is in a tree."""
    if isinstance(tree, list | tuple):
        return type(tree)(split(item, name) for item in tree)
    if not isinstance(tree, dict):
        return tree
    out: dict[str, Any] = {}
    for key, item in tree.items():
        if key == name and isinstance(item, np.ndarray):
            out[f"{key}1"], out[f"{key}2"] = halves(item)
        else:
            out[key] = split(item, name)
    return out


def in_two_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of an array given as two is f of the array, in two."""
    name = NAMES[0]
    first = next(leaf for path, leaf in leaves(case.arguments) if path[-1] == name)
    if first.shape[0] == 1:
        raise NotJudged("the first array cannot be split")
    parts = experiment.ask(case.but(arguments=split(case.arguments, name)))
    return tuple(rejoined(by_path(parts), experiment.ask(case), name))


def rejoined(parts: dict[Path, tuple[np.ndarray, Truth]], whole: Answer, name: str) -> Iterator[Evidence]:
    """The two halves beside the whole; all other arrays beside themselves."""
    for path, wanted, truth in whole.each():
        if path[-1] == name:
            (one, truth_1), (two, truth_2) = (parts[(*path[:-1], f"{name}{half}")] for half in (1, 2))
            got, bound = np.concatenate([one, two]), np.concatenate([truth_1.bound, truth_2.bound])
        else:
            got, bound = parts[path][0], parts[path][1].bound
        yield relation(f"{place(path)} of the whole array", got, wanted, bound + truth.bound, truth.scale)
