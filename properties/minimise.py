"""Minimise: a failing case made readable. Greedy, array by array, bounded in calls and never in seconds.

What is no number (nan, an infinity) is what such a case is about, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from veriformer.impls.protocol import RESULT_OF, Path, Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.formula import is_floating
from veriformer.properties.law import Case

CALLS = 400
"""At most this many further experiments for one counterexample."""
DEAR_CALLS = 20
"""Of experiments that cost seconds."""
ONE_BY_ONE = 16
"""So many rows or columns are left out one by one; of more, stretches."""
READABLE = 200
"""Numbers beyond which a case is not read anyway: there a quarter of the calls must do."""


def smallest(case: Case, still_fails: Callable[[Case], bool], *, driven: bool = False, dear: bool = False) -> Case:
    """The case with as many zeros, ones and round numbers as still fail. driven: its last argument is a script, of which
    only the steps that are needed are left. dear: an experiment costs seconds."""
    left = CALLS if sum(leaf.size for _, leaf in spots(case)) <= READABLE else CALLS // 4
    left = min(left, DEAR_CALLS) if dear else left

    def fails(candidate: Case) -> bool:
        nonlocal left
        left -= 1
        return still_fails(candidate)

    if case.layouts and fails(case.but(layouts={})):
        case = case.but(layouts={})
    for step in reversed(range(len(case.arguments[-1]))) if driven else ():
        if can_be_left_out(step, case) and fails(without_step(step, case)):
            case = without_step(step, case)
    progress = True
    while progress and left > 0:
        progress = False
        for path, leaf in list(spots(case)):
            for simpler in simplifications(leaf):
                candidate = with_leaf(case, path, simpler)
                if left > 0 and fails(candidate):
                    case, progress = candidate, True
                    break
    for path, _ in list(spots(case)):
        for index in map(tuple, np.argwhere(np.isfinite(leaf_at(case, path).astype(np.float64)))):
            if left <= 0:
                return case
            leaf = leaf_at(case, path)
            for value in (0.0, 1.0, float(np.rint(leaf[index].astype(np.float64)))):
                if float(leaf[index]) in (0.0, 1.0) or float(leaf[index]) == value:
                    break
                changed = leaf.copy()
                changed[index] = value
                candidate = with_leaf(case, path, changed)
                if fails(candidate):
                    case = candidate
                    break
    return case


def can_be_left_out(step: int, case: Case) -> bool:
    """May a step of the script go? Not the only one, nor one whose place something counts on: the law's premise, a layout,
    a later step that is given a result."""
    script, place = case.arguments[-1], len(case.arguments) - 1
    fixed = any(path[:2] in ((0,), (0, place)) for path in case.fixed)
    awaited = any(RESULT_OF in path for path, _ in leaves(script[step + 1 :]))
    return len(script) > 1 and not (fixed or awaited or case.layouts)


def without_step(step: int, case: Case) -> Case:
    """The case without one step of its script."""
    script = case.arguments[-1]
    return case.replacing(len(case.arguments) - 1, (*script[:step], *script[step + 1 :]))


def spots(case: Case) -> Iterator[tuple[Path, np.ndarray]]:
    """Every floating array of a case: in arguments, options and what the law drew besides; aliased ones once."""
    aliased = {other for group in case.aliases for other in group[1:]}
    for path, leaf in leaves((case.arguments, dict(case.options), dict(case.extra))):
        free = not any(path[: len(fixed)] == fixed for fixed in case.fixed)
        if free and is_floating(leaf) and leaf.size and not (path[0] == 0 and path[1] in aliased):
            yield path, leaf


def leaf_at(case: Case, path: Path) -> np.ndarray:
    """The array at a path."""
    return next(leaf for here, leaf in leaves((case.arguments, dict(case.options), dict(case.extra))) if here == path)


def with_leaf(case: Case, path: Path, value: np.ndarray) -> Case:
    """The case with one array replaced; an aliased argument changes in all its places."""
    parts: Tree = (case.arguments, dict(case.options), dict(case.extra))
    arguments, options, extra = rebuild(parts, lambda here, leaf: value if here == path else leaf)
    return case.with_arguments(arguments, options=options, extra=extra)


def simplifications(leaf: np.ndarray) -> Iterator[np.ndarray]:
    """Simpler arrays of the same shape, the simplest first."""
    values = leaf.astype(np.float64)
    here, is_number = complexity(values), np.isfinite(values)
    for simpler in rewritten(values):
        option = np.where(is_number, simpler, values)
        if complexity(option) < here:
            yield np.asarray(option + 0.0).astype(leaf.dtype)  # no negative zeros


def rewritten(values: np.ndarray) -> Iterator[Any]:
    """The same shape with other numbers, and with less and less of what there is set to 0."""
    yield np.zeros_like(values)
    yield np.ones_like(values)
    if values.ndim >= 2 and values.shape[-1] == values.shape[-2]:
        yield np.eye(values.shape[-1])
    yield np.rint(values)
    yield np.round(values, 1)
    for axis in range(values.ndim):
        for stretch in stretches(values, axis):
            without = values.copy()
            without[(slice(None),) * axis + (stretch,)] = 0.0
            yield without


def stretches(values: np.ndarray, axis: int) -> Iterator[slice]:
    """Along an axis each index by itself; of many, halves, quarters and eighths of what is not 0 already."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    kept = np.flatnonzero((values != 0).any(axis=others))
    parts = (max(len(kept), 1),) if len(kept) <= ONE_BY_ONE else (2, 4, 8)
    if values.shape[axis] > 1:
        for part in (part for count in parts for part in np.array_split(kept, count) if part.size):
            yield slice(int(part[0]), int(part[-1]) + 1)


def complexity(values: np.ndarray) -> tuple[int, int, int]:
    """How much there is to read: numbers that are not 0 or 1, digits beyond whole numbers, ones."""
    plain = (values == 0) | (values == 1)
    whole = values == np.rint(values)
    tenth = values == np.round(values, 1)
    return int((~plain).sum()), int((~whole).sum() + (~tenth).sum()), int((values == 1).sum())
