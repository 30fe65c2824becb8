"""Answer: what came out of a call, as data: arrays as NumPy's, an exception, or that it is no answer at all."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

import numpy as np

from veriformer.impls.protocol import Backend, Call, Path, Raised, Tree
from veriformer.impls.tree import leaves, rebuild, without_addresses


def to_numpy(framework: Backend, tree: Tree) -> Tree:
    """Native arrays, and numbers among them, to NumPy; a missing gradient stays None."""

    def leave(_: Path, leaf: Any) -> Any:
        if framework.is_native(leaf):
            return framework.move_out(leaf)
        return np.asarray(leaf) if is_number(leaf) else None

    return rebuild(tree, leave)


def bytes_of(framework: Backend, outputs: Tree) -> list[bytes]:
    """The bytes of every array of a result."""
    natives = [leaf for _, leaf in leaves(outputs) if framework.is_native(leaf)]
    return [framework.move_out(leaf).tobytes() for leaf in natives]


def not_arrays(framework: Backend, backend: str, who: str, outputs: Tree, handed_in: bool) -> Raised | None:
    """That something else than arrays of the framework was returned. Numbers may stand among them, and may be all of the
    answer where no array was handed in."""
    found = [leaf for _, leaf in leaves(outputs)]
    numbers_do = not handed_in or any(framework.is_native(leaf) for leaf in found)
    strange = [leaf for leaf in found if not (framework.is_native(leaf) or (numbers_do and is_number(leaf)))]
    if strange or not found:
        held = f" that holds {type(strange[0]).__name__}" if strange and strange[0] is not outputs else ""
        came = f"{type(outputs).__name__}{held}"
        return Raised("TypeError", f"{who} returned {came}; wanted: an array of {backend}")
    return None


def with_aliases_added(call: Call, gradients: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """When several arguments are one object, its gradient is the sum of theirs."""
    floating = [
        position
        for position, argument in enumerate(call.arguments)
        if any(isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fV" for _, leaf in leaves(argument))
    ]
    total = list(gradients)
    for group in call.aliases:
        places = [floating.index(position) for position in group if position in floating]
        if places and max(places) < len(total):
            total[places[0]] = sum(gradients[place] for place in places[1:]) + gradients[places[0]]
    return tuple(total)


def digest_of(outputs: Tree) -> bytes:
    """What tells one answer from another: shapes, dtypes and bytes."""
    arrays = ((path, np.asarray(leaf)) for path, leaf in leaves(outputs))
    return b"".join(
        repr((path, a.shape, str(a.dtype))).encode() + a.tobytes() for path, a in arrays if a.dtype != object
    )


def is_number(value: object) -> bool:
    """A plain number, such as the count of steps in an optimizer's state, or a learning rate."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def raised_by(error: BaseException) -> Raised:
    """An exception as data."""
    with contextlib.suppress(Exception):
        return Raised(
            type=type(error).__name__,
            message=without_addresses(str(error)),
            declined=isinstance(error, NotImplementedError),
            stopped=isinstance(error, MemoryError),
            traceback=without_addresses("".join(traceback.format_exception(error, limit=-5))),
        )
    return Raised(type=type(error).__name__, message="(its message could not be read)")
