"""Which choice each implementation follows where good libraries differ, and what it promises of its arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from veriformer.record import Record
from veriformer.reports.matrix import distinct, verdicts


@dataclass(frozen=True)
class Convention:
    """One convention of one component, and the value that each implementation follows."""

    component: str
    name: str
    values: tuple[str, ...]


def conventions(records: Iterable[Record]) -> tuple[Convention, ...]:
    """Component and convention -> the value of each implementation."""
    rows = verdicts(records)
    return followed(
        distinct(row.implementation for row in rows),
        ((row, name, str(value)) for row in rows for name, value in row.conventions.items()),
    )


def arithmetics(records: Iterable[Record]) -> tuple[Convention, ...]:
    """What was assumed of each implementation's arithmetic; components that agree share a row."""
    rows = verdicts(records)
    kept: dict[tuple[str, str], bool] = {}
    for row in rows:
        if "also_holds_layer" in row.precision:
            key = (row.implementation, row.component)
            kept[key] = bool(row.precision["also_holds_layer"]) and kept.get(key, True)

    def promised(row: Record) -> str:
        """A promise is kept by a component when it is by all its laws and dtypes."""
        holds = kept.get((row.implementation, row.component), False)
        return arithmetic({**row.precision, "also_holds_layer": holds}, row.dtype) if row.precision else ""

    told = ((row, "arithmetic", words) for row in rows if (words := promised(row)))
    shared: dict[tuple[str, ...], list[str]] = {}
    for one in followed(distinct(row.implementation for row in rows), told):
        shared.setdefault(one.values, []).append(one.component)
    return tuple(
        Convention("every component" if len(shared) == 1 else ", ".join(names), "arithmetic", values)
        for values, names in shared.items()
    )


def followed(implementations: tuple[str, ...], told: Iterable[tuple[Record, str, str]]) -> tuple[Convention, ...]:
    """One row for each component and name, with the values of all implementations; several values are all shown."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row, name, value in told:
        found.setdefault((row.component, name), {}).setdefault(row.implementation, []).append(value)
    return tuple(
        Convention(*key, tuple(" or ".join(distinct(own.get(name, ()))) for name in implementations))
        for key, own in found.items()
    )


def arithmetic(precision: Mapping[str, object], dtype: str = "") -> str:
    """What was assumed of the arithmetic, in words: `eager, computes in tf32, also holds layer`."""
    return ", ".join(filter(None, promises(precision, dtype)))


def promises(precision: Mapping[str, object], dtype: str) -> Iterator[str]:
    """One phrase for each promise; that a dtype computes in itself needs none."""
    for name, value in precision.items():
        if name == "computes_in" and value == dtype:
            continue
        if name == "contract":
            yield str(value)
        elif name == "also_holds_layer":
            yield "also holds layer" if value else ""
        elif name == "flushes":
            yield "flushes denormal numbers" if value else ""
        elif value is not None:
            yield f"{name.replace('_', ' ')} {value}"
