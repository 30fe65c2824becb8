"""Record: one verdict, one timing, or the run itself, as one row of strict JSON lines. A leaf: it imports nothing of ours."""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

READABLE = 64
"""Arrays of at most this many numbers are written readably too, beside their bytes."""


NOT_INSTALLED = "not installed"
"""In the versions of a run: a library that was not there."""
FAINTEST = -24
"""Ratios of error to bound below 2^-24 are counted as 2^-24."""
BUCKETS = 3 - FAINTEST
"""Exact; (0, 2^-24]; one for each power of two up to 1; above 1."""


def bucket_of(ratio: float) -> int:
    """The place of a ratio of error to bound among the counts of `Record.ratios`."""
    if ratio <= 0:
        return 0
    return BUCKETS - 1 if ratio > 1 else max(math.ceil(math.log2(ratio)), FAINTEST) + BUCKETS - 2


def upper_end(bucket: int) -> float:
    """The largest ratio that is counted at this place."""
    return 0.0 if bucket == 0 else math.inf if bucket == BUCKETS - 1 else 2.0 ** (bucket - BUCKETS + 2)


class Verdict(enum.StrEnum):
    """What became of one law, implementation, dtype and device; listed from the worst to the mildest."""

    BROKEN = "broken"
    """An input was found on which the law does not hold."""
    CRASHED = "crashed"
    """An exception, or worse, inside the component's domain."""
    HELD = "held"
    """Judged on at least half of the drawn cases, and never refuted."""
    ABSTAINED = "abstained"
    """Too often an honest computation may overflow, or its bound says nothing."""
    UNSUPPORTED = "unsupported"
    """Offered, but not for these cases."""
    ABSENT = "absent"
    """Not offered, or not possible here: no such device, no gradient, an import that failed."""

    @property
    def badness(self) -> int:
        """0 for the worst: the worst of several verdicts is their minimum by this key."""
        return list(Verdict).index(self)


BAD = (Verdict.BROKEN, Verdict.CRASHED)
"""The verdicts that say that something is wrong with the implementation."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several verdicts; `absent` when there are none."""
    return min(verdicts, key=lambda verdict: verdict.badness, default=Verdict.ABSENT)


Key = tuple[str, str, str, str, str]
"""Implementation, component, law, dtype, device."""


@dataclass(frozen=True)
class Record:
    """One row. Reports are made from rows alone, so a row says all that is known of its verdict or timing.

    `kind` is `verdict`, `timing`, `run` or `known` (an accepted deviation that did not occur); fields that do not belong
    to a kind keep their defaults.
    """

    kind: str
    implementation: str = ""
    component: str = ""
    law: str = ""
    dtype: str = ""
    device: str = ""
    precision: Mapping[str, Any] = field(default_factory=dict)
    """What was assumed of the arithmetic (`contract`: `eager` or `layer`, `computes_in`), what the framework's switches
    allowed matrix products (`products`, `partial_sums` in sums of at least `terms`) and `quotients`, `flushes`, and
    `also_holds_layer`."""
    conventions: Mapping[str, str] = field(default_factory=dict)
    """Convention -> value, with " (undeclared)" when the suite found it out by asking."""
    verdict: Verdict | None = None
    judged: int = 0
    abstained: int = 0
    unsupported: int = 0
    overflowing: int = 0
    """Of the abstained cases those in which an honest computation may overflow; the bound of the others says nothing."""
    worst_ratio: float | None = None
    """Largest observed error / bound."""
    worst_ulps: float | None = None
    """Largest observed error in units in the last place of the true value, where the bound was judged."""
    ratios: Sequence[int] = field(default_factory=list)
    """How error / bound was distributed over the judged comparisons, each by its worst element: the counts of `bucket_of`."""
    worst_case: Mapping[str, Any] | None = None
    """How the case of the largest ratio was drawn (`row` of the law's sizes, `kind` of values, `seed`), and where in it the
    error is (`comparison`, `index`)."""
    bitwise: bool | None = None
    """For laws of determinism, layout and batching: were the answers equal to the last bit?"""
    counterexample: Mapping[str, Any] | None = None
    """`arguments`, `options`, `got`, `wanted`, `allowed`, `index`, `examples`, `script`."""
    diagnosis: str = ""
    seed: int = 0
    seconds: float = 0.0
    message: str = ""
    sentence: str = ""
    """The law as a sentence, so that a report needs no other source."""
    known: str = ""
    """Why this deviation is accepted, if it is: a record that is broken and known does not fail the run."""
    workload: str = ""
    """For timings: the name of the row of bench/workloads.py."""
    timing: Mapping[str, Any] | None = None
    """For timings: `samples` (seconds), `median`, `iqr`, `ratio` to the fastest ranked, `flops`, `bytes`."""
    environment: Mapping[str, Any] | None = None
    """For the run: machine, versions, commit, command, options, limits measured."""

    @property
    def key(self) -> Key:
        """What tells one verdict from another."""
        return self.implementation, self.component, self.law, self.dtype, self.device

    @property
    def median_ratio(self) -> float | None:
        """The median of error / bound, up to the factor of two between two counts; None where nothing was judged."""
        half, so_far = sum(self.ratios) / 2, 0
        for bucket, count in enumerate(self.ratios):
            so_far += count
            if half and so_far >= half:
                return upper_end(bucket)
        return None

    @property
    def bad(self) -> bool:
        """Does the record say that something is wrong with the implementation?"""
        return self.verdict in BAD

    @property
    def fails(self) -> bool:
        """Does it fail the run: broken or crashed, and no known deviation?"""
        return self.bad and not self.known

    def to_json(self) -> str:
        """One line of strict JSON: arrays as base64 bytes with dtype and shape, non-finite floats as strings."""
        row = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return json.dumps(encode(row), allow_nan=False, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Record:
        """The row back; unknown fields are ignored, so that newer records can be read by older code."""
        row = decode(json.loads(line))
        if not isinstance(row, dict):
            raise ValueError(f"a row is a JSON object, this is {type(row).__name__}")
        names = {f.name for f in dataclasses.fields(cls)}
        known = {name: value for name, value in row.items() if name in names}
        if known.get("verdict") is not None:
            known["verdict"] = Verdict(known["verdict"])
        for f in dataclasses.fields(cls):
            if f.name in known and not holds(known[f.name], str(f.type)):
                raise ValueError(f"{f.name} is {str(known[f.name])[:40]!r}, which is no {f.type}")
        if not all(type(count) is int and count >= 0 for count in known.get("ratios", ())):
            raise ValueError("ratios holds something else than counts")
        return cls(**known)


HOLDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "bool | None": (bool, type(None)),
    "Verdict | None": (Verdict, type(None)),
    "Sequence[int]": (list, tuple),
    "Mapping[str, Any]": (Mapping,),
    "Mapping[str, str]": (Mapping,),
    "Mapping[str, Any] | None": (Mapping, type(None)),
}
"""What a field of `Record` may hold, by its annotation: a report can rely on what it reads."""


def holds(value: Any, annotation: str) -> bool:
    """May a field of this annotation hold the value?"""
    if not isinstance(value, HOLDS[annotation]):
        return False
    return not isinstance(value, list | tuple) or all(isinstance(item, int) for item in value)


def encode(value: Any) -> Any:
    """A value of a record as plain JSON: arrays and non-finite numbers become tagged dictionaries."""
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        tagged = {"array": data, "dtype": str(value.dtype), "shape": list(value.shape)}
        if value.size <= READABLE:
            tagged["readable"] = np.array2string(value.astype(float), separator=", ", threshold=READABLE + 1)
        return tagged
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a record holds plain values and arrays, not {type(value).__name__}: {value!r}")


def decode(value: Any) -> Any:
    """The inverse of `encode` (tuples come back as lists). Nothing is imported or executed."""
    if isinstance(value, dict):
        if value.keys() == {"float"}:
            return float(value["float"])
        if "array" in value and "dtype" in value:
            import ml_dtypes  # noqa: F401  (registers the dtype name "bfloat16" with NumPy)

            data = np.frombuffer(base64.b64decode(value["array"]), dtype=np.dtype(value["dtype"]))
            return data.reshape(value["shape"]).copy()
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def read(path: str | Path) -> Iterator[Record]:
    """The records of one file, one a line."""
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield Record.from_json(line)
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    raise ValueError(f"{path}, line {number}, is not a record of veriformer: {error}") from error


def write(path: str | Path, records: Iterable[Record], *, append: bool = False) -> None:
    """Write records to a file, one a line, flushed line by line."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("a" if append else "w", encoding="utf-8") as out:
        for record in records:
            out.write(record.to_json() + "\n")
            out.flush()


def load(records: str | Path | Iterable[Record]) -> Any:
    """The records as a pandas frame, one row each, columns named after the fields of `Record`."""
    import pandas

    rows = read(records) if isinstance(records, str | Path) else records
    names = [f.name for f in dataclasses.fields(Record)]
    return pandas.DataFrame([{name: getattr(row, name) for name in names} for row in rows], columns=names)
