"""Known: deviations that somebody has looked at and accepted, each with a reason. They do not fail a run, and stay visible.

# known.toml
[[deviation]]
implementation = "my-kernels"      # patterns as in a shell (*, ?, [abc]); what is left out matches everything
component = "layer_norm"
law = "agrees_with_the_spec"       # also: dtype, device
library = "torch"                  # only where this library was installed in the run ...
versions = ">=2.4,<2.9"            # ... in one of these versions
reason = "fuses the affine step in half precision; the next release mends it"
evidence = "https://github.com/pytorch/pytorch/issues/66707"
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from veriformer.impls.protocol import Misuse
from veriformer.record import NOT_INSTALLED, Record, Verdict

PATTERNS = ("implementation", "component", "law", "dtype", "device")
"""Fields of a record that a deviation may narrow."""


@dataclass(frozen=True)
class Deviation:
    """One accepted deviation: what it covers, and why it is accepted."""

    reason: str
    evidence: str = ""
    """Where it can be checked: a thread, a measurement."""
    library: str = ""
    versions: str = ""
    """A range of the library's versions, such as `>=2.4,<2.9`; empty: all of them."""
    implementation: str = "*"
    component: str = "*"
    law: str = "*"
    dtype: str = "*"
    device: str = "*"

    def covers(self, record: Record, versions: Mapping[str, str]) -> bool:
        """Does it speak of this record, in a run with these versions of the libraries?"""
        return self.in_range(versions) and all(
            fnmatchcase(getattr(record, name), getattr(self, name)) for name in PATTERNS
        )

    def in_range(self, versions: Mapping[str, str]) -> bool:
        """Was the library there, in a version that is meant?"""
        if not self.library:
            return True
        there = versions.get(self.library, NOT_INSTALLED)
        return there != NOT_INSTALLED and SpecifierSet(self.versions).contains(there, prereleases=True)

    @property
    def told(self) -> str:
        """The reason, and where it can be checked."""
        return f"{self.reason} ({self.evidence})" if self.evidence else self.reason

    def __str__(self) -> str:
        said = {name: getattr(self, name) for name in PATTERNS if getattr(self, name) != "*"}
        if self.library:
            said[self.library] = self.versions or "any version"
        return ", ".join(f"{name} {value}" for name, value in said.items())


@dataclass
class Known:
    """The deviations of one file, and what became of each in the records seen so far."""

    deviations: tuple[Deviation, ...] = ()
    occurred: set[Deviation] = field(default_factory=set)
    held: set[Deviation] = field(default_factory=set)

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries whose versions matter."""
        return tuple(dict.fromkeys(one.library for one in self.deviations if one.library))

    def matching(self, record: Record, versions: Mapping[str, str]) -> Deviation | None:
        """The first deviation that speaks of this record, whatever its verdict; None if none does."""
        return next((one for one in self.deviations if one.covers(record, versions)), None)

    def marked(self, records: Iterable[Record], versions: Mapping[str, str] | None = None) -> Iterator[Record]:
        """The records, the broken and crashed ones among them that are known with their reason.

        The versions are those given, or those of the last `run` among the records. Marks of an earlier file are dropped.
        """
        for record in records:
            if record.kind == "run":
                versions = (record.environment or {}).get("versions", {})
            if record.kind == "verdict":
                yield self.seen(record, versions or {})
            elif record.kind != "known":
                yield record

    def seen(self, record: Record, versions: Mapping[str, str]) -> Record:
        """One verdict, marked if it is known."""
        covering = [one for one in self.deviations if one.covers(record, versions)]
        if record.bad:
            self.occurred.update(covering)
        if record.verdict is Verdict.HELD:
            self.held.update(covering)
        return replace(record, known=covering[0].told if covering and record.bad else "")

    def stale(self) -> Iterator[Record]:
        """A row for each deviation that did not occur in what was seen: mended, or never met."""
        for one in self.deviations:
            if one not in self.occurred:
                what = (
                    "no longer occurs: it was judged, and held" if one in self.held else "matches nothing judged here"
                )
                yield Record(kind="known", message=f"{one}: {what}", known=one.told)


def load(path: Path) -> Known:
    """The deviations of a file. Raises Misuse, saying where it is wrong and what to write instead."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misuse(f"{path}: {error.strerror}") from error
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are both
        raise Misuse(f"{path} is not TOML: {error}") from error
    entries = table.pop("deviation", [])
    if table or not isinstance(entries, list):
        raise Misuse(
            f"{path}: holds {', '.join(map(repr, table)) or 'a single table'}; write [[deviation]] tables only"
        )
    return Known(tuple(deviation(entry, f"{path}, deviation {number}") for number, entry in enumerate(entries, 1)))


def deviation(entry: Any, where: str) -> Deviation:
    """One table of the file. Raises Misuse."""
    names = [one.name for one in fields(Deviation)]
    if not isinstance(entry, Mapping):
        raise Misuse(f"{where}: is {entry!r}; write a [[deviation]] table")
    for name, value in entry.items():
        if name not in names:
            meant = "".join(f"; did you mean {one!r}?" for one in difflib.get_close_matches(name, names, 1))
            raise Misuse(f"{where}: has no field {name!r}{meant}\nfields: {', '.join(names)}")
        if not isinstance(value, str) or not value.strip():
            raise Misuse(f"{where}: {name} is {value!r}; write a text in quotes")
    if "reason" not in entry:
        raise Misuse(f'{where}: says no reason; write reason = "why this is accepted"')
    if not any(name in entry for name in (*PATTERNS, "library")):
        raise Misuse(f"{where}: would accept everything; say which {', '.join(PATTERNS)} or library is meant")
    if "versions" in entry and "library" not in entry:
        raise Misuse(f'{where}: versions of what? Write library = "torch" beside them')
    try:
        SpecifierSet(entry.get("versions", ""))
    except InvalidSpecifier as error:
        raise Misuse(f'{where}: {error}; write a range such as versions = ">=2.4,<2.9"') from error
    return Deviation(**entry)
