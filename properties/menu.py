"""Menu: which sizes a law meets in a run, of all that its component has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from veriformer.impls.protocol import Door, Offer
from veriformer.properties.drawn import DRAWN
from veriformer.properties.law import Law, Subject
from veriformer.properties.probes import KINDS, Draw, Row
from veriformer.properties.settle import Settled

COMPILED = ("jax",)
"""Where each size is compiled anew: that is what a run waits for."""


class Sizes(NamedTuple):
    """How many are met there: by relations between answers, by gradients, by agreement itself, and by that besides for the
    paths that code takes off a tile and in long rows."""

    related: int
    derived: int
    met: int
    reached: int


SINGLE = Sizes(related=3, derived=3, met=6, reached=2)
"""Of a single component, where each size is compiled anew."""
STACKS = Sizes(related=2, derived=2, met=5, reached=1)
"""Of stacks there, which take several seconds to compile."""
QUICK = Sizes(related=2, derived=3, met=4, reached=0)
QUICK_STACKS = Sizes(related=1, derived=2, met=2, reached=0)
"""Of the one and the other in a quick run there."""
BESIDE = Sizes(related=1, derived=1, met=2, reached=0)
"""Of both in a dtype beside float32 there."""
QUICK_SIZES = 4
"""Sizes of most laws in a quick run elsewhere."""


@dataclass(frozen=True)
class Budget:
    """How long to search: examples of the random phase, a whole or a quick sweep, and the seed of everything."""

    examples: int = 30
    quick: bool = False
    seed: int = 0
    sizes: int | None = None
    """No law meets more sizes than this, and only those that are thorough about values meet as many."""

    def narrowed(self, sizes: int) -> Budget:
        """Fewer sizes, a brief sweep, and nothing at random: for a dtype beside another that has had its share."""
        return replace(self, examples=0, sizes=sizes)

    @property
    def brief(self) -> bool:
        """Is the sweep short, because the run is quick or the dtype is beside another?"""
        return self.quick or self.sizes is not None


def menu(law: Law, offer: Offer, door: Door, budget: Budget, settled: Settled) -> list[Row]:
    """The sizes that are supported. All of them are met by the laws that are thorough about values; the others meet fewer in a
    quick run, and in a dtype beside float32."""
    rows = supported([row for row in law.rows if reaches(law, row, door, budget)], offer, settled)
    if law.statistical:
        return rows if budget.sizes is None else rows[:1]
    if door.backend in COMPILED:
        own = [row for row in law.subject.rows if "reach" not in row] if law.subject else []
        return compiled(law, rows, supported(own, offer, settled), budget)
    if budget.sizes is not None:
        return rows[: budget.sizes] if is_agreement(law) else rows[1 : budget.sizes : 2] or rows[:1]
    return varied(rows, QUICK_SIZES) if budget.quick and not is_agreement(law) else rows


def supported(rows: Iterable[Row], offer: Offer, settled: Settled) -> list[Row]:
    """The small sizes that are supported; where there are none, those that kernels are made for."""
    found = [row for row in rows if admits(offer, row) and settled.judges(row)]
    return [row for row in found if not row.get("kernel")] or found


def compiled(law: Law, rows: list[Row], own: list[Row], budget: Budget) -> list[Row]:
    """As many of the sizes as are worth their compilation. Agreement itself meets those that differ most; what else is asked
    meets some of them, if it can, since they are compiled."""
    whole, quick = (STACKS, QUICK_STACKS) if is_stack(law) else (SINGLE, QUICK)
    most = BESIDE if budget.sizes is not None else quick if budget.quick else whole
    near, far = ([row for row in rows if ("reach" in row) == reaching] for reaching in (False, True))
    if is_agreement(law):
        return varied(near, most.met) + varied(far, most.reached)
    wanted = most.derived if law.thorough else 1 if law.reaching else most.related  # examples have a shape of their own
    rows = [row for row in near or far if has_a_case(law, row)] or near
    agreed = varied(own, whole.met if law.gradients else most.met)  # derivatives are compiled apart in any case
    known = [row for row in rows if row in agreed]
    if wanted == 1:  # the smallest is often a single number
        return [row for row in known if row != own[0]][:1] or rows[1:2] or rows[:1]
    return varied(known if len(known) >= wanted else rows, wanted)


def has_a_case(law: Law, row: Row) -> bool:
    """Does the law say anything of this size? Of a batch, where there is none, it does not."""
    kind, top = next(iter(law.kinds or KINDS)), law.top("float32")
    draws = (Draw(row, kind, seed, "float32", top, menu=tuple(law.rows), gradients=law.gradients) for seed in range(3))
    return any(DRAWN.of(law, draw) is not None for draw in draws)


def is_agreement(law: Law) -> bool:
    """Is it thorough about values: does it compare them, not their gradients, with the formula?"""
    return law.thorough and not law.gradients


def is_stack(law: Law) -> bool:
    """Is it a law of several components together, each size of which takes seconds to compile?"""
    return law.subject is not None and law.subject.stack


def is_large(law: Law) -> bool:
    """Is it a law of the sizes of real models?"""
    return law.subject is not None and bool(law.subject.large) and law.rows == law.subject.large


def varied(rows: list[Row], most: int) -> list[Row]:
    """So many of the sizes, in their order: the smallest, and one by one whichever brings most that none of them has yet, new
    options before new settings."""
    chosen, rest = rows[:1], rows[1:]
    while rest and len(chosen) < most:
        names, settings = set().union(*chosen), set().union(*map(brings, chosen))
        richest = max(rest, key=lambda row: (len(row.keys() - names), len(brings(row) - settings)))
        rest.remove(richest)
        chosen.append(richest)
    return sorted(chosen, key=rows.index)


def most_varied(subject: Subject, most: int) -> tuple[Row, ...]:
    """So many of the near sizes of a component, those that differ most."""
    return tuple(varied([row for row in subject.rows if "reach" not in row], most))


def brings(row: Row) -> set[object]:
    """What a size is made of: options and their settings, so far as they are words; ranks; more queries or more keys."""
    length, length_k = row.get("length", 0), row.get("length_k", 0)
    settings = {(name, value if isinstance(value, bool | str) else None) for name, value in row.items()}
    return settings | {("rank", len(row.get("batch", ()))), ("longer", (length > length_k) - (length < length_k))}


def reaches(law: Law, row: Row, door: Door, budget: Budget) -> bool:
    """Does the law go as far as this size? Off the border of a "tile", and for "long" rows, code takes other paths, but a
    truth costs more there: laws that say so reach them, gradients the tiles alone and nowhere where each is compiled anew,
    and a brief sweep none."""
    reach = row.get("reach")
    too_far = law.gradients and (reach == "long" or door.backend in COMPILED)
    return reach is None or (law.reaching and not budget.brief and not too_far)


def admits(offer: Offer, row: Row) -> bool:
    """Are the sizes of this row among those that are supported, and the keywords that it needs? `length` speaks of keys too."""
    if not all(offer.takes(name) for name in row.get("needs", ())):
        return False
    for size, values in offer.only.items():
        names = (size, f"{size}_k") if size == "length" else (size,)
        if any(name in row and row[name] not in values for name in names):
            return False
    return True
