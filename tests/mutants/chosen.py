"""Which of the slips that can be made are planted: spread over components and kinds, the same ones each time."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from tests.mutants.mutate import Mutation, mutations
from tests.mutants.planted import OURS, source
from tests.mutants.reach import judged_in
from veriformer.spec import COMPONENTS

WANTED = {"numpy": 240, "torch": 70, "jax": 24}
"""Framework -> how many. Where each is compiled anew they are few."""
SEED = "0"
Thing = TypeVar("Thing")
Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class Mutant:
    """One slip in our file of one component."""

    framework: str
    component: str
    mutation: Mutation

    @property
    def name(self) -> str:
        """Its own, and the same while the lines around it move."""
        return f"{self.framework} {self.component}.{self.mutation.key}"

    @property
    def judged_in(self) -> tuple[str, ...]:
        """The components that are asked to find it."""
        return judged_in(self.framework, self.component, self.mutation.function)

    @property
    def rank(self) -> bytes:
        """Its place in an order that nobody chose, and that an edit elsewhere does not change."""
        return hashlib.sha256(f"{SEED} {self.name}".encode()).digest()


@cache
def possible(framework: str) -> tuple[Mutant, ...]:
    """Every slip in every file that has a component's name."""
    files = [name for name in COMPONENTS if (Path(OURS) / framework / f"{name}.py").exists()]
    return tuple(Mutant(framework, name, one) for name in files for one in mutations(source(framework, name)))


@cache
def chosen(framework: str) -> tuple[Mutant, ...]:
    """Those that are judged: by turns from each component, and from each kind within it; in the order of the components."""
    by_component = grouped((one.component, one) for one in possible(framework))
    dealt = [by_turns(grouped((one.mutation.kind, one) for one in here).values()) for here in by_component.values()]
    taken = set(by_turns(dealt)[: WANTED[framework]])
    return tuple(one for one in possible(framework) if one in taken)


def grouped(pairs: Iterable[tuple[Group, Mutant]]) -> dict[Group, list[Mutant]]:
    """What belongs together, by rank; the groups by that of their first."""
    groups: defaultdict[Group, list[Mutant]] = defaultdict(list)
    for group, one in sorted(pairs, key=lambda pair: pair[1].rank):
        groups[group].append(one)
    return dict(groups)


def by_turns(groups: Iterable[list[Thing]]) -> list[Thing]:
    """The first of each, then the second of each..."""
    nothing = object()
    turns = zip_longest(*groups, fillvalue=nothing)
    return [one for turn in turns for one in turn if one is not nothing]  # type: ignore[misc]
