"""The contest: every workload on every device by every implementation, or the reason why not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from veriformer.bench.clock import ENOUGH, calls_per_sample, warm_up
from veriformer.bench.workloads import Workload
from veriformer.impls.protocol import Implementation, Misuse, Offer
from veriformer.impls.worker import open_door
from veriformer.record import Verdict

DTYPE = "float32"
SHOWN = 4
"""Admitted sizes that a refusal lists."""


@dataclass(frozen=True)
class Refusal:
    """Why an entry is not timed."""

    verdict: Verdict
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@dataclass
class Entry:
    """One workload on one device by one implementation: its prepared call, and a sample for each turn it had."""

    workload: Workload
    device: str
    implementation: Implementation
    refusal: Refusal | None = None
    enough: float = ENOUGH
    """Seconds that a sample lasts at least."""
    samples: list[float] = field(default_factory=list)
    """Seconds per call."""
    calls: int = 0
    """Calls that make one sample."""
    run: Callable[[], None] | None = None

    def __str__(self) -> str:
        return f"{self.workload.name}-{self.device}-{self.implementation.name}"

    def get_ready(self) -> Callable[[], None]:
        """The call to time, warm: compiled, calibrated (at the first turn) and called once in this turn."""
        if self.run is None:
            self.run = open_door(self.implementation, DTYPE, self.device).prepare(self.workload.call())
            warm_up(self.run)
            self.calls = calls_per_sample(self.run, enough=self.enough)
        self.run()
        return self.run

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Whatever the implementation raises is its answer: there is no timing then."""
        try:
            yield
        except NotImplementedError as error:
            self.refusal = Refusal(Verdict.UNSUPPORTED, str(error) or "NotImplementedError")
            raise
        except (Exception, SystemExit) as error:
            self.refusal = Refusal(Verdict.CRASHED, f"{type(error).__name__}: {error}")
            raise


@dataclass(frozen=True)
class Contest:
    """All entries, contestants side by side, and how many turns each of them gets."""

    entries: tuple[Entry, ...]
    repeats: int


def enter(
    implementations: Sequence[Implementation],
    workloads: Iterable[Workload],
    *,
    devices: Sequence[str] | None = None,
    repeats: int,
    enough: float = ENOUGH,
) -> Contest:
    """The entries, workload by workload, device by device (None: every one that somebody lists).

    An entry that cannot run is there too, with its refusal: nothing is skipped in silence.
    """
    listed = tuple(dict.fromkeys(device for implementation in implementations for device in implementation.devices))
    here = {implementation.backend: devices_of(implementation) for implementation in implementations}
    entries = [
        Entry(workload, device, implementation, refusal(workload, device, implementation, here), enough)
        for workload in workloads
        for device in (listed if devices is None else devices)
        for implementation in implementations
    ]
    return Contest(tuple(entries), repeats)


def devices_of(implementation: Implementation) -> tuple[str, ...] | str:
    """The devices that its framework finds on this machine, or why it cannot be asked."""
    try:
        return tuple(open_door(implementation, DTYPE, "cpu").framework.devices())
    except Misuse as error:
        return str(error)


def refusal(
    workload: Workload, device: str, implementation: Implementation, here: dict[str, tuple[str, ...] | str]
) -> Refusal | None:
    """Why this entry cannot run, if it cannot; the machine's reasons before the implementation's."""
    own = here[implementation.backend]
    if isinstance(own, str):
        return Refusal(Verdict.ABSENT, own)
    if not any(device in found for found in here.values() if isinstance(found, tuple)):
        return Refusal(Verdict.ABSENT, f"no {device} device")
    if workload.component not in implementation.offers:
        return Refusal(Verdict.ABSENT, f"{workload.component} is not offered")
    if device not in implementation.devices:
        return Refusal(Verdict.UNSUPPORTED, f"{implementation.name} does not list {device}")
    if device not in own:
        return Refusal(Verdict.ABSENT, f"no {device} device for {implementation.backend}")
    if DTYPE not in implementation.dtypes:
        return Refusal(Verdict.UNSUPPORTED, f"{implementation.name} does not list {DTYPE}")
    return declined(workload, implementation.offers[workload.component])


def declined(workload: Workload, offer: Offer) -> Refusal | None:
    """Why the offer does not reach to this workload."""
    for size, value in workload.sizes.items():
        if size in offer.only and value not in offer.only[size]:
            return Refusal(Verdict.UNSUPPORTED, f"{size} is {value}, offered only for {shortened(offer.only[size])}")
    for option in workload.options:
        if not offer.takes(option):
            return Refusal(Verdict.UNSUPPORTED, f"{workload.component} takes no {option}")
    return None


def shortened(values: Sequence[object]) -> str:
    """A few of the values."""
    few = ", ".join(map(str, values[:SHOWN]))
    return few if len(values) <= SHOWN else f"{few}, ..."
