"""Wire: how questions and answers travel between two processes: as data, arrays as bytes. Reading executes nothing.

A message is a head (a mark, two lengths), a tree in JSON, and the bytes of its arrays, one after the other.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import ml_dtypes  # noqa: F401  (registers the dtype name "bfloat16" with NumPy)
import numpy as np

from veriformer.impls.protocol import Call, Offer, Raised, Reply, Tree

HEAD = struct.Struct("<4sQQ")
MARK = b"vf-1"
WRITTEN = json.JSONEncoder(separators=(",", ":")).encode
READ = json.JSONDecoder().decode


class Garbled(Exception):
    """What came is no message."""


def pack(value: Tree) -> bytes:
    """A tree of plain values and arrays as one message. Raises TypeError on anything else."""
    parts: list[bytes] = []
    text = WRITTEN(flat(value, parts)).encode("ascii")
    return b"".join((HEAD.pack(MARK, len(text), sum(map(len, parts))), text, *parts))


def length(head: bytes | bytearray) -> int:
    """How many bytes follow a head. Raises Garbled when it is none."""
    mark, text, arrays = HEAD.unpack_from(head)
    if mark != MARK:
        raise Garbled("what came in place of an answer is none")
    return int(text + arrays)


def unpack(message: bytes | bytearray) -> Tree:
    """The tree of a whole message. Raises Garbled when it is none."""
    try:
        _, size, _ = HEAD.unpack_from(message)
        start = HEAD.size + size
        return Reader(memoryview(message)[start:]).tree(READ(str(message[HEAD.size : start], "ascii")))
    except (ValueError, TypeError, KeyError, IndexError, struct.error) as error:
        raise Garbled(f"what came in place of an answer is none: {error}") from error


def flat(value: Tree, parts: list[bytes]) -> Any:
    """A tree as JSON has it: whatever JSON does not know is a dictionary with one key, its tag."""
    kind = type(value)
    if value is None or kind in (str, int, float, bool):
        return value
    if kind is np.ndarray:
        if value.dtype.hasobject or value.dtype.names:
            raise TypeError(f"an array of dtype {value.dtype} cannot be sent")
        parts.append(value.tobytes())
        return {"array": [name_of(value.dtype), value.shape]}
    if isinstance(value, tuple):
        return {"tuple": [flat(item, parts) for item in value]}
    if isinstance(value, list):
        return [flat(item, parts) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[flat(key, parts), flat(item, parts)] for key, item in value.items()]}
    if isinstance(value, np.generic):
        return {"number": flat(np.asarray(value), parts)}
    for base in (str, int, float):
        if isinstance(value, base):
            return base(value)
    raise TypeError(f"a value of type {kind.__name__} cannot be sent")


@functools.cache
def name_of(dtype: np.dtype[Any]) -> str:
    """The name by which NumPy knows it."""
    return str(dtype)


class Reader:
    """Reads a tree; its arrays are taken from the bytes in the order in which they were put there."""

    def __init__(self, arrays: memoryview) -> None:
        self.arrays = arrays
        self.place = 0

    def tree(self, value: Any) -> Tree:
        """The inverse of `flat`; every array is a fresh one."""
        kind = type(value)
        if kind is list:
            return [self.tree(item) for item in value]
        if kind is not dict:
            return value
        ((tag, held),) = value.items()
        match tag:
            case "array":
                return self.array(np.dtype(held[0]), tuple(held[1]))
            case "tuple":
                return tuple(self.tree(item) for item in held)
            case "map":
                return {self.tree(key): self.tree(item) for key, item in held}
            case "number":
                return self.tree(held)[()]
        raise Garbled(f"what came in place of an answer is none: {tag!r}")

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
        """The next array."""
        size = dtype.itemsize * math.prod(shape)
        found = np.frombuffer(self.arrays[self.place : self.place + size], dtype)
        self.place += size
        return found.reshape(shape).copy()


def of_call(call: Call) -> Tree:
    """A call as a tree."""
    return {**fields(call), "before": [of_call(earlier) for earlier in call.before]}


def call_of(tree: Tree) -> Call:
    """The call again."""
    return Call(**{**tree, "before": tuple(call_of(earlier) for earlier in tree["before"])})


def of_reply(reply: Reply) -> Tree:
    """A reply as a tree."""
    return {**fields(reply), "raised": reply.raised and fields(reply.raised)}


def reply_of(tree: Tree) -> Reply:
    """The reply again. Raises Garbled when the tree is none."""
    try:
        return Reply(**{**tree, "raised": tree["raised"] and Raised(**tree["raised"])})
    except (TypeError, KeyError) as error:
        raise Garbled(f"what came in place of an answer is none: {error}") from error


def of_offer(offer: Offer) -> Tree:
    """An offer as a tree; what is declared and is no plain value is sent as its repr, to be told what may be declared."""
    keywords = None if offer.keywords is None else tuple(sorted(offer.keywords))
    conventions = {name: plain(value) for name, value in offer.conventions.items()}
    only = {name: tuple(map(plain, values)) for name, values in offer.only.items()}
    return {**fields(offer), "keywords": keywords, "conventions": conventions, "only": only}


def offer_of(tree: Tree) -> Offer:
    """The offer again."""
    return Offer(**{**tree, "keywords": None if tree["keywords"] is None else frozenset(tree["keywords"])})


def fields(of: Any) -> dict[str, Any]:
    """The fields of a dataclass, one level deep."""
    return {f.name: getattr(of, f.name) for f in dataclasses.fields(of)}


def plain(value: Any) -> Any:
    """A declared value as one of the plain types that it belongs to; its repr if it is of none."""
    if isinstance(value, np.generic):
        value = value.item()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else repr(value)
