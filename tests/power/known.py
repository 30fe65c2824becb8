"""The committed list of known deviations: what libraries do wrong on purpose or by defect, the only exemption there is."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from veriformer.known import Deviation, load
from veriformer.record import Record
from veriformer.run import versions

FILE = Path(__file__).parent.parent / "controls" / "known_deviations.toml"


VECTORS = {("gelu", "infinities_have_their_limits"): "AVX512"}
"""Deviations of PyTorch that occur with some vector instructions alone, by component and law."""


def missing(component: str, law: str) -> str:
    """The vector instructions without which this deviation does not occur, if PyTorch does not use them here."""
    import torch

    wanted = VECTORS.get((component, law), "")
    return "" if wanted in ("", torch.backends.cpu.get_cpu_capability()) else wanted


@functools.cache
def deviations() -> tuple[Deviation, ...]:
    """Every entry of the list."""
    return load(FILE).deviations


def covering(record: Record) -> Deviation | None:
    """The entry that speaks of this record, on the versions installed."""
    return next((one for one in deviations() if one.covers(record, installed())), None)


@functools.cache
def installed() -> dict[str, str]:
    """The versions of what decides the numbers."""
    return versions()


def stale(figures: list[dict[str, Any]]) -> list[str]:
    """The entries of the list that nothing measured here bears out: mended, or never met."""
    met = set()
    for figure in figures:
        for row in figure["rows"]:
            for law in row.get("known", ()):
                name = f"{row['component']}: {row['how']}"
                met.add(covering(Record("verdict", name, row["component"], law, row["dtype"], "cpu")))
    return [
        f"a known deviation no longer occurs: {one}"
        for one in deviations()
        if one not in met and one.in_range(installed()) and not missing(one.component, one.law)
    ]
