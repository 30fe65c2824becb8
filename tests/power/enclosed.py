"""Enclosure, as a figure: bounded numbers with the float64 model, and balls of floats, hold the certified truth, on every
component and kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.power.enclosure import of_component
from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer.spec import COMPONENTS

TITLE = "Enclosure"
WANTED = 30_000
"""Numbers compared."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each component."""
    return shared_out(one, [(component, quick) for component in COMPONENTS])


def one(component: str, quick: bool) -> list[dict[str, Any]]:
    """The row of one component."""
    return [of_component(component, quick)]


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: no number lies outside, and enough are compared."""
    for row in rows:
        if row["outside"]:
            yield f"{row['component']}: {row['outside']} of {row['numbers']} numbers lie outside"
        if row["excluded"]:
            yield f"{row['component']}: balls of floats exclude {row['excluded']} of {row['known in floats']} true numbers"
    numbers = sum(row["numbers"] for row in rows)
    if numbers < WANTED and not quick:
        yield f"{numbers} numbers compared, wanted {WANTED}"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """How many numbers were compared, the largest share of its error that one uses, and what balls of floats say of them."""
    heads = ("numbers", "outside", "unclaimed", "largest share", "known in floats", "excluded")
    return table(("component", *heads), [(row["component"], *(row[head] for head in heads)) for row in rows])
