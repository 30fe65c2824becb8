"""The committed list of known deviations: what libraries do wrong on purpose or by defect, the only exemption there is."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from veriformer.record import Record

FILE = Path(__file__).parent.parent / "controls" / "known_deviations.toml"
PATTERNS = ("implementation", "component", "law", "dtype", "device")


@functools.cache
def deviations() -> tuple[Mapping[str, str], ...]:
    """Every entry of the list."""
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["deviation"])


def covering(record: Record) -> Mapping[str, str] | None:
    """The entry that speaks of this record, on the versions installed."""
    for entry in deviations():
        matches = all(fnmatchcase(getattr(record, name), entry.get(name, "*")) for name in PATTERNS)
        if matches and in_range(entry):
            return entry
    return None


def in_range(entry: Mapping[str, str]) -> bool:
    """Is the library installed in a version that is meant?"""
    if "library" not in entry:
        return True
    try:
        return version(entry["library"]) in SpecifierSet(entry.get("versions", ""), prereleases=True)
    except PackageNotFoundError:
        return False


def stale(figures: list[dict[str, Any]]) -> list[str]:
    """The entries of the list that nothing measured here bears out: mended, or never met."""
    met = set()
    for figure in figures:
        for row in figure["rows"]:
            for law in row.get("known", ()):
                name = f"{row['component']}: {row['how']}"
                entry = covering(Record("verdict", name, row["component"], law, row["dtype"], "cpu"))
                met.add(deviations().index(entry) if entry else -1)
    told = (one for number, one in enumerate(deviations()) if number not in met and in_range(one))
    return [f"a known deviation no longer occurs: {one.get('implementation')}, {one.get('dtype', '*')}" for one in told]
