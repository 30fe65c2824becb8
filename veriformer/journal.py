"""Journal: the records of a run, in its file as soon as they are made. A run that was killed goes on where it was.

While a run writes to a file no other run may; the lock goes with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from veriformer.impls.protocol import Misuse
from veriformer.properties.conformance import SEARCHED
from veriformer.record import Key, Record

BUSY = "{} is being written by another run; wait for its end, or give another file with --json"
CHANGED = "cannot resume {}: {}\nleave out --resume to begin again, or give another file with --json"


class Journal:
    """A file that grows by a line for each record."""

    def __init__(self, path: Path, file: BinaryIO, head: Record, known: Mapping[Key, Record]) -> None:
        self.path = path
        self.file = file
        self.head = head
        self.known = known
        self.lines: list[str] = []

    def append(self, record: Record) -> None:
        """Write a record; the system has it when this returns. One that is in the file already stays where it is."""
        line = record.to_json() + "\n"
        self.lines.append(line)
        if record.key not in self.known:
            self.file.write(line.encode("ascii"))
            self.file.flush()

    def finish(self, records: Sequence[Record]) -> None:
        """All records, the first of them about the run: in the order in which one process makes them, and as they became."""
        lines = [record.to_json() + "\n" for record in (self.head, *records[1:])]
        if is_regular(self.file) and (self.known or lines[1:] != self.lines):
            self.file = replaced(self.path, self.file, lines)


@contextlib.contextmanager
def journal(path: Path | None, head: Record, *, resume: bool) -> Iterator[Journal | None]:
    """The journal of a run, None without a path. Raises Misuse when the file cannot be written, is being written by
    another run, or is that of a run of something else."""
    if path is None:
        if resume:
            raise Misuse("--resume needs the file of the run that was interrupted: give it with --json")
        yield None
        return
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = locked(path)
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from error
    book = begun(path, file, head, resume=resume)
    try:
        yield book
    finally:
        book.file.close()


def begun(path: Path, file: BinaryIO, head: Record, *, resume: bool) -> Journal:
    """A new journal; or that of an earlier run, with the verdicts that it has reached."""
    old = stored(path, file) if resume and is_regular(file) else []
    if not old:
        if is_regular(file):
            file.truncate(0)
        file.write(head.to_json().encode("ascii") + b"\n")
        file.flush()
        return Journal(path, file, head, {})
    changed = differences(old[0].environment or {}, head.environment or {})
    if changed:
        file.close()
        raise Misuse(CHANGED.format(path, "; ".join(changed)))
    known = {one.key: replace(one, known="") for one in old[1:] if (one.component, one.law) in SEARCHED}
    file = replaced(path, file, [record.to_json() + "\n" for record in (old[0], *known.values())])
    return Journal(path, file, old[0], known)


def stored(path: Path, file: BinaryIO) -> list[Record]:
    """The records of an earlier run, the first of them about the run itself; without the line that was being written."""
    file.seek(0)
    lines = file.read().split(b"\n")[:-1]
    try:
        records = [Record.from_json(line.decode("ascii")) for line in lines]
    except (ValueError, TypeError, KeyError) as error:
        raise Misuse(f"cannot resume {path}: it holds something else than records: {error}") from error
    if records and records[0].kind != "run":
        raise Misuse(f"cannot resume {path}: its first record is not that of a run")
    return records


def locked(path: Path) -> BinaryIO:
    """The file, opened for this run alone. Raises Misuse when another one has it."""
    while True:
        file = path.open("a+b")
        if not is_regular(file):  # /dev/null, a terminal, a pipe: everybody's
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise Misuse(BUSY.format(path)) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # it was replaced between opening and locking


def replaced(path: Path, file: BinaryIO, lines: list[str]) -> BinaryIO:
    """The file with other lines, whole at every moment, and locked at every moment."""
    part = path.with_name(f"{path.name}.part")
    new = part.open("w+b")
    fcntl.flock(new, fcntl.LOCK_EX)
    new.write("".join(lines).encode("ascii"))
    new.flush()
    part.replace(path)
    file.close()
    return new


def is_regular(file: BinaryIO) -> bool:
    """Is it a file on a disk?"""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


COMPARED = {"versions": "{name}", "options": "{name}", "sources": "the source of {name}"}
"""What of a run decides its records, besides the targets, and what it is called."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What has changed since, in words."""
    if old.get("targets") != new.get("targets"):
        return [f"the targets were {listed(old.get('targets'))}, and are {listed(new.get('targets'))}"]
    changed = []
    for part, words in COMPARED.items():
        before, now = old.get(part) or {}, new.get(part) or {}
        for name in sorted(before.keys() | now.keys()):
            if plain(before.get(name)) != plain(now.get(name)):
                values = "" if part == "sources" else f" was {before.get(name)}, and is {now.get(name)}"
                changed.append(words.format(name=name) + (values or " has changed"))
    if not changed and old.get("python") != new.get("python"):
        changed.append(f"Python was {old.get('python')}, and is {new.get('python')}")
    return changed


def plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def listed(names: Any) -> str:
    """Names, one after the other."""
    return ", ".join(map(str, names or ())) or "none"
