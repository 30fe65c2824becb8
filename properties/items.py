"""Item: one law put to one implementation, in one dtype, on one device; a run as items that can be put in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from veriformer.impls.discover import Found
from veriformer.impls.protocol import Door, Implementation
from veriformer.properties import INQUIRIES, laws_of
from veriformer.properties.conformance import FOLLOWS, Suite
from veriformer.properties.judge import fits
from veriformer.properties.law import Law
from veriformer.properties.settle import Settled, settle
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS


@dataclass(frozen=True)
class Item:
    """What is asked of whom. Where nothing can be asked, the answer is there already."""

    found: Found
    component: str = ""
    law: str = ""
    dtype: str = ""
    device: str = ""
    answer: Record | None = None

    def __str__(self) -> str:
        return "-".join(filter(None, (self.found.name, self.component, self.law, self.dtype, self.device)))


@dataclass
class Items:
    """The items of a suite. Who puts them in their order opens a door, and settles conventions, once for each."""

    suite: Suite
    opened: tuple[tuple[str, ...], Door | Record, Settled] | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Item]:
        for record in self.suite.preliminaries():
            found = next(one for one in self.suite.found if one.name == record.implementation)
            yield Item(found, record.component, answer=record)
        for component, dtype in self.suite.groups():
            for found, implementation in self.suite.offering(component):
                if dtype in implementation.dtypes:
                    for device in self.suite.selection.devices or implementation.devices:
                        for law in self.laws(component, implementation):
                            yield Item(found, component, law, dtype, device)

    def laws(self, component: str, implementation: Implementation) -> Iterator[str]:
        """The laws that are asked of a component, in the form in which it is offered."""
        wanted = self.suite.selection.laws
        silent = any(convention.silent for convention in COMPONENTS[component].conventions)
        form = implementation.offers[component].form
        names = (law.name for law in laws_of(component) if law.form == form)
        for name in (*names, *([FOLLOWS] if silent else [])):
            if not wanted or name in wanted:
                yield name

    def put(self, item: Item) -> Record:
        """The verdict."""
        if item.answer is not None or item.found.implementation is None:
            return item.answer or self.suite.absent(item.found.name, "", item.found.error)
        door, settled = self.door(item)
        if isinstance(door, Record):
            return door
        if item.law == FOLLOWS:
            return self.followed(item, door, settled)
        return self.suite.judged(law_at(door, item.component, item.law), item.found, door, settled)

    def door(self, item: Item) -> tuple[Door | Record, Settled]:
        """The door to ask at, or the record that says why there is none; kept open for the next item."""
        key = (item.found.name, item.component, item.dtype, item.device)
        if self.opened is None or self.opened[0] != key:
            self.close()
            suite = replace(self.suite, selection=replace(self.suite.selection, devices=(item.device,)))
            (door,) = suite.doors(item.found, item.component, item.dtype)
            settled = Settled()
            if not isinstance(door, Record):
                settled = settle(door, item.component, INQUIRIES, fits, self.suite.truths)
            self.opened = (key, door, settled)
        return self.opened[1:]

    def close(self) -> None:
        """Shut the door that is open."""
        if self.opened is not None and not isinstance(self.opened[1], Record):
            self.opened[1].close()
        self.opened = None

    def followed(self, item: Item, door: Door, settled: Settled) -> Record:
        """Does one of the allowed values explain the answers where the formula is silent?"""
        agreement = law_at(door, item.component, "agrees_with_the_spec")
        met = not settled.broken or not self.suite.judged(agreement, item.found, door, settled).bad
        for record in self.suite.unexplained(door, item.component, settled, formula_is_met=met):
            return record
        where = {"dtype": item.dtype, "device": item.device, "conventions": dict(settled.described)}
        return self.suite.verdict(item.found.name, item.component, Verdict.HELD, "", law=FOLLOWS, **where)


def law_at(door: Door, component: str, name: str) -> Law:
    """The law of this name, for the form in which the component is offered."""
    return next(law for law in laws_of(component) if law.name == name and law.form == door.offers[component].form)
