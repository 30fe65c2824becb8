"""Door: how the judging process reaches an implementation: through a process of its own, in which alone it is imported.

What a process does not survive is its answer: it is told, remembered, and the next call is answered by a fresh process.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from veriformer.impls import wire
from veriformer.impls.discover import Found, Place, places
from veriformer.impls.protocol import Call, Door, Implementation, Misuse, Offer, Raised, Reply, Tree
from veriformer.impls.spawned import GIB, UNUSUAL, Died, Limits, Spawned

Answer = TypeVar("Answer")

IMPORTING = 60.0
"""Seconds that an import may take at least: a framework that is read from a slow disk is honest."""
PATIENCE = 6
"""So often is a component stopped, by the clock or for its size, in one dtype on one device; then it is not asked again."""
LIVES = 200
"""So often is the process behind a door started again for one component."""
MOST_IDLE = 4
"""So many processes may wait for the next door to the same code."""
GROWN = 2 * GIB
"""A process that has taken so much memory since its first answer is not kept."""


class Worker:
    """A process that holds one target: not started, fresh (nothing was asked yet), in use, or dead."""

    def __init__(self, place: Place, limits: Limits, *, x64: bool) -> None:
        self.place = place
        self.limits = limits
        self.x64 = x64
        self.spawned: Spawned | None = None
        self.seed = UNUSUAL
        self.seeded = UNUSUAL

    def load(self) -> list[dict[str, Tree]]:
        """Start it; what it found at its place. Raises Died."""
        self.spawned = Spawned(self.limits, {"JAX_ENABLE_X64": str(int(self.x64))})
        question = {"ask": "load", "place": wire.fields(self.place)}
        return self.exchange(question, list, max(self.limits.timeout, IMPORTING))

    def ask(self, question: Tree, read: Callable[[Tree], Answer]) -> Answer:
        """The answer to a question; from a new process, if there is none. Raises Died."""
        if self.spawned is None:
            self.load()
            self.seeded = UNUSUAL
        if self.seeded != self.seed:
            self.exchange({"ask": "begin", "seed": self.seed}, lambda _: None)
            self.seeded = self.seed
        return self.exchange(question, read)

    def exchange(self, question: Tree, read: Callable[[Tree], Answer], timeout: float | None = None) -> Answer:
        """A question to the process that there is, its answer read. After Died there is none any more."""
        spawned, self.spawned = self.spawned, None
        if spawned is None:
            raise Died("NotStarted", "there is no process")
        try:
            answer = read(spawned.exchange(question, timeout))
        except wire.Garbled as garbled:
            raise spawned.ended("Garbled", str(garbled)) from garbled
        except KeyboardInterrupt:
            spawned.kill()
            raise
        self.spawned = spawned
        return answer

    def close(self) -> None:
        """End the process."""
        if self.spawned is not None:
            self.spawned.kill()
            self.spawned = None


IDLE: dict[Hashable, Worker] = {}
"""Processes that nothing has happened to, by the code that they hold: to import a framework takes seconds. Oldest first."""


def kept(key: Hashable, worker: Worker) -> None:
    """Let it wait for the next door to the same code; the oldest makes room for it."""
    if key in IDLE or worker.spawned is None or worker.spawned.grown() > GROWN:
        worker.close()
        return
    worker.seed = UNUSUAL  # its generators begin again where those of a new process do
    IDLE[key] = worker
    if len(IDLE) > MOST_IDLE:
        IDLE.pop(next(iter(IDLE))).close()


@dataclass(frozen=True)
class Behind(Found):
    """An implementation in another process, as it was declared there; its functions never come here."""

    place: Place = field(default_factory=lambda: Place(""))
    number: int = 0
    """Which of those found at the place."""
    here: tuple[str, ...] = ()
    versions_here: Mapping[str, str] = field(default_factory=dict)
    misuse: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def sources(self) -> Mapping[str, str]:
        return self.digests

    def devices(self) -> tuple[str, ...]:
        if self.misuse:
            raise Misuse(self.misuse)
        return self.here

    def versions(self) -> Mapping[str, str]:
        if self.misuse:
            raise Misuse(self.misuse)
        return self.versions_here

    def open(self, dtype: str, device: str) -> Door:
        """A door with a process of its own, an idle one if there is. JAX has 64-bit types for float64 alone, from its import
        on."""
        x64 = self.present.backend == "jax" and dtype == "float64"
        worker = IDLE.pop(self.code(x64), None) or Worker(self.place, self.limits, x64=x64)
        return DoorOfProcess(self, dtype, device, worker)

    def code(self, x64: bool) -> Hashable:
        """What a process must hold to serve in another's place: the same files, to the letter, under the same limits."""
        return self.place, self.limits, x64, tuple(sorted(self.digests.items()))

    def close(self) -> None:
        for x64 in (False, True):
            if worker := IDLE.pop(self.code(x64), None):
                worker.close()


def find(target: str, limits: Limits | None = None) -> list[Found]:
    """The implementations that a target names, each imported in a process of its own; `discover.find` imports them here."""
    return [found for place in places(target) for found in behind(place, limits or Limits())]


def behind(place: Place, limits: Limits) -> list[Found]:
    """What a process finds at a place."""
    worker = Worker(place, limits, x64=False)
    try:
        told = worker.load()
    except Died as died:
        said = f"its import failed: {died.raised.type}: {died.raised.message}"
        return [Found(place.target, error=said, details=died.raised.traceback, named=place.named)]
    found = [one_of(number, about, place, limits) for number, about in enumerate(told)]
    loaded = [one for one in found if isinstance(one, Behind)]
    if loaded:  # the process that was asked what there is: the first door may have it
        kept(loaded[0].code(worker.x64), worker)
    else:
        worker.close()
    return found


def one_of(number: int, about: dict[str, Any], place: Place, limits: Limits) -> Found:
    """One of those that a process has found."""
    known = {name: about[name] for name in ("target", "error", "details", "named", "at")}
    if about["implementation"] is None:
        return Found(**known)
    return Behind(
        **known,
        implementation=declared(about["implementation"]),
        place=place,
        number=number,
        here=about["devices"],
        versions_here=about["versions"],
        misuse=about["misuse"],
        digests=about["sources"],
        limits=limits,
    )


def declared(about: dict[str, Any]) -> Implementation:
    """An implementation as it was declared, without its functions."""
    implementation = Implementation(about["name"], about["backend"], devices=about["devices"], dtypes=about["dtypes"])
    implementation.offers = {offer.component: offer for offer in map(wire.offer_of, about["offers"])}
    implementation.pullbacks = dict.fromkeys(about["pullbacks"], elsewhere)
    return implementation


def elsewhere(*_: Any) -> NoReturn:
    """Stands for a function in another process."""
    raise Misuse("this function is behind a door; it can only be asked")


class DoorOfProcess:
    """A door to a process; see `protocol.Door`."""

    def __init__(self, found: Behind, dtype: str, device: str, worker: Worker) -> None:
        self.found = found
        self.dtype = dtype
        self.device = device
        self.worker = worker
        self.key = (found.number, dtype, device)
        self.spoilt = False
        """Has the process died, or been changed by a call? Then it serves no other door."""
        self.deadly: dict[bytes, Reply] = {}
        self.deaths: Counter[tuple[str, bool]] = Counter()

    @property
    def name(self) -> str:
        return self.found.name

    @property
    def backend(self) -> str:
        return self.found.present.backend

    @property
    def offers(self) -> Mapping[str, Offer]:
        return self.found.present.offers

    @property
    def switches(self) -> Mapping[str, str | int]:
        try:
            return self.worker.ask({"ask": "switches", "door": self.key}, dict)
        except Died:  # it says so when it is called
            return {}

    def begin(self, seed: int) -> None:
        self.worker.seed = seed % 2**32

    def ask(self, call: Call) -> Reply:
        """Answer one call. A call that was deadly once is not made again; nor is any, where patience is at its end."""
        question = {"ask": "call", "door": self.key, "call": wire.of_call(call)}
        key = hashlib.sha256(wire.pack(question)).digest() if self.deaths else b""
        if key in self.deadly:
            return self.deadly[key]
        stopped, died = (self.deaths[call.component, stopped] for stopped in (True, False))
        if stopped >= PATIENCE or died >= LIVES:
            what = (
                f"had to be stopped {stopped} times" if stopped >= PATIENCE else f"has killed its process {died} times"
            )
            return Reply(raised=Raised("NotAsked", f"{call.component} {what} before", declined=True))
        try:
            reply = self.worker.ask(question, wire.reply_of)
            if reply.raised and reply.raised.fatal:  # it lives, but its device is lost to it
                self.worker.close()
                raise Died(reply.raised.type, reply.raised.message, reply.raised.traceback)
            self.spoilt = self.spoilt or bool(reply.world_changed)
            return reply
        except Died as death:
            self.spoilt = True
            reply = Reply(raised=death.raised)
            self.deadly[key or hashlib.sha256(wire.pack(question)).digest()] = reply
            self.deaths[call.component, death.stopped] += 1
            return reply

    def forget(self) -> bool:
        self.worker.close()
        return True

    def close(self) -> None:
        if self.spoilt:
            self.worker.close()
        else:
            kept(self.found.code(self.worker.x64), self.worker)
