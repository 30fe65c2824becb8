"""Judging: implementations go through the ordinary engine, in this process, and records come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from veriformer import Implementation
from veriformer.impls.discover import Found
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.record import Record


def judged(
    implementations: Iterable[Implementation],
    component: str,
    dtype: str,
    budget: Budget,
    *,
    laws: tuple[str, ...] = (),
    exit_first: bool = False,
) -> Iterator[Record]:
    """What `veriformer check` finds out about one component in one dtype; all meet the same inputs."""
    found = [Found(implementation.name, implementation) for implementation in implementations]
    selection = Selection((component,), laws, (dtype,), ("cpu",))
    yield from Suite(found, selection, budget, exit_first).records()
