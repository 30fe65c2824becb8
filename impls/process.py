"""Process: what runs behind a door. It imports one target, says what is offered there, and answers calls until it is left.

Questions come in on what was standard input and answers leave on what was standard output; the target has neither: what it
prints goes where its errors go, to be read, and dropped, on the other side. `door.py` is that side.
"""

from __future__ import annotations

import faulthandler
import hashlib
import os
import random
import resource
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from veriformer.impls import discover, wire
from veriformer.impls.answer import raised_by
from veriformer.impls.discover import Found, Place, load
from veriformer.impls.protocol import Implementation, Misuse, Reply, Tree
from veriformer.impls.spawned import UNUSUAL, leave_with_the_parent
from veriformer.impls.worker import OpenDoor, open_door

STATUS_OF_ORPHANS = 1
INSTALLED = frozenset(("site-packages", "dist-packages"))
"""Folders of installed packages, wherever they are."""


def main() -> None:
    """Answer questions until there are no more."""
    questions, answers = open(os.dup(0), "rb"), open(os.dup(1), "wb", buffering=0)  # noqa: PTH123, SIM115
    leave_with_the_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    faulthandler.enable(all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    room, own = Room(), os.getpid()
    seeded(UNUSUAL, ())
    while (question := received(questions)) is not None:
        answer = room.answer(question)
        if os.getpid() != own:  # the target has forked, and this is the copy
            os._exit(STATUS_OF_ORPHANS)
        sent(answers, answer)
    os._exit(0)  # whatever the target has registered for the end stays undone


def received(questions: BinaryIO) -> Tree | None:
    """The next question; None when there are no more."""
    head = questions.read(wire.HEAD.size)
    if len(head) < wire.HEAD.size:
        return None
    return wire.unpack(head + questions.read(wire.length(head)))


def sent(answers: Any, message: bytes) -> None:
    """Send all of it."""
    left = memoryview(message)
    while left:
        left = left[answers.write(left) :]


class Room:
    """The target's implementations, and the doors that were asked for."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.doors: dict[tuple[int, str, str], OpenDoor] = {}

    def answer(self, question: Tree) -> bytes:
        """What is asked: to load a place, to seed the generators, how the framework's switches stand, or a call."""
        if question["ask"] == "begin":
            seeded(question["seed"], self.doors.values())
            return wire.pack(None)
        if question["ask"] == "switches":
            return wire.pack(dict(self.door(*question["door"]).switches))
        if question["ask"] == "load":
            self.found = load(Place(**question["place"]))
            sources = digests()
            return wire.pack([{**told(found), "sources": sources} for found in self.found])
        return self.reply(question)

    def reply(self, question: Tree) -> bytes:
        """The answer to a call; whatever cannot be sent is answered by saying so."""
        try:
            return wire.pack(wire.of_reply(self.door(*question["door"]).ask(wire.call_of(question["call"]))))
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the user's Ctrl-C does not reach this process)
            return wire.pack(wire.of_reply(Reply(raised=raised_by(error))))

    def door(self, number: int, dtype: str, device: str) -> OpenDoor:
        """One implementation, in one dtype, on one device."""
        key = (number, dtype, device)
        if key not in self.doors:
            self.doors[key] = open_door(self.found[number].present, dtype, device)
        return self.doors[key]


def seeded(seed: int, doors: Iterable[OpenDoor]) -> None:
    """Seed the generators that everybody draws from: who draws shall answer the same in every run."""
    random.seed(seed)
    np.random.seed(seed)
    for door in doors:
        door.framework.seed(seed)


def told(found: Found) -> dict[str, Tree]:
    """What was found at a place, as plain data."""
    about = {
        "target": found.target,
        "error": found.error,
        "details": found.details,
        "named": found.named,
        "at": found.at,
    }
    if found.implementation is None:
        return {**about, "implementation": None}
    return {**about, "implementation": declared(found.implementation), **framework(found)}


def declared(implementation: Implementation) -> dict[str, Tree]:
    """Everything that an implementation declares."""
    return {
        "name": wire.plain(implementation.name),
        "backend": implementation.backend,
        "devices": tuple(map(wire.plain, implementation.devices)),
        "dtypes": implementation.dtypes,
        "offers": [wire.of_offer(offer) for offer in implementation.offers.values()],
        "pullbacks": tuple(implementation.pullbacks),
    }


def framework(found: Found) -> dict[str, Tree]:
    """Devices and versions, or why there are none."""
    try:
        return {"devices": found.devices(), "versions": dict(found.versions()), "misuse": ""}
    except Misuse as misuse:
        return {"devices": (), "versions": {}, "misuse": str(misuse)}
    except Exception as error:  # noqa: BLE001  (a framework that is installed with errors is not installed)
        said = raised_by(error)
        return {"devices": (), "versions": {}, "misuse": f"{found.present.backend}: {said.type}: {said.message}"}


def digests() -> dict[str, str]:
    """What the target consists of: its own files, by a digest of their contents. Installed packages have versions."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(own_files())}


def own_files() -> Iterator[tuple[str, Path]]:
    """The files of all modules that belong neither to Python, nor to an installed package, nor to the suite."""
    places = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    suite = Path(__file__).resolve().parent
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "/").resolve()
        installed = places.intersection(path.parents) or INSTALLED.intersection(path.parts)
        ours = path.parent in (suite, suite.parent / "veriformer")
        if path.is_file() and not installed and not ours:
            yield discover.said(name), path
