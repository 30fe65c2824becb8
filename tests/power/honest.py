"""Honest controls are never accused: forward, backward, in every dtype, under every law; and no ratio is above 1."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.controls.control import Control
from tests.power.judging import judged
from tests.power.known import covering
from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer.impls.protocol import DTYPES
from veriformer.properties.menu import Budget
from veriformer.record import Record

TITLE = "Honest controls"
WANTED_VARIANTS, WANTED_EVALUATIONS = 40, 50_000
FAMILIES = ("activations", "attention", "losses", "norms", "optimizers", "softmax")
"""The files of controls."""
SEEDS = (0, 1)
QUICK_DTYPES = ("float32", "bfloat16")
EVERY = 8
"""A quick run judges one control in so many."""


def controls(family: str) -> tuple[Control, ...]:
    """The controls of one file."""
    found: tuple[Control, ...] = importlib.import_module(f"tests.controls.{family}").CONTROLS
    return found


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each control and dtype."""
    tasks = [
        (family, component, dtype, seed, quick)
        for family in FAMILIES
        for component in dict.fromkeys(one.component for one in controls(family))
        for dtype in (QUICK_DTYPES if quick else DTYPES)
        for seed in (SEEDS[:1] if quick else SEEDS)
    ]
    return shared_out(judge_family, tasks)


def judge_family(family: str, component: str, dtype: str, seed: int, quick: bool) -> list[dict[str, Any]]:
    """The controls of one component in one dtype, under all of its laws."""
    chosen = [one for one in controls(family) if one.component == component and dtype in one.implementation.dtypes]
    if quick:
        chosen = [one for one in chosen if not one.slow][::EVERY]
    elif seed:  # every other one meets a second draw; what is compiled anew for every size is compiled once
        chosen = [one for one in chosen if not one.slow][::2]
    started = time.perf_counter()
    implementations = [one.implementation for one in chosen]
    budget = Budget(0 if quick or seed else 10, True, seed)
    records = list(judged(implementations, component, dtype, budget))
    seconds = time.perf_counter() - started
    return [row(one, dtype, [r for r in records if r.implementation == one.implementation.name], seconds / len(chosen))
            for one in chosen]  # fmt: skip


def row(control: Control, dtype: str, records: Sequence[Record], seconds: float) -> dict[str, Any]:
    """What became of one control in one dtype."""
    accusing = [record for record in records if record.bad]
    known = [record for record in accusing if covering(record)]
    ratios = [record.worst_ratio for record in records if record.worst_ratio is not None and record not in known]
    return {
        "component": control.component,
        "how": control.how,
        "source": control.source,
        "dtype": dtype,
        "backend": control.implementation.backend,
        "precision": control.implementation.precision or "eager",
        "evaluations": sum(record.judged for record in records if record not in known),
        "abstained": sum(record.abstained for record in records),
        "unsupported": sum(record.unsupported for record in records),
        "accused": [f"{record.law}: {record.message}" for record in accusing if record not in known],
        "known": [record.law for record in known],
        "suite_failed": [record.message for record in records if record.message.startswith("the suite failed")],
        "worst_ratio": max(ratios, default=0.0),
        "also_holds_layer": holds_layer(records),
        "seconds": seconds,
    }


def holds_layer(records: Sequence[Record]) -> bool | None:
    """Is the narrower promise kept under every law that asks? None where it is not asked."""
    said = [record.precision["also_holds_layer"] for record in records if "also_holds_layer" in record.precision]
    return all(said) if said else None


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not."""
    for one in rows:
        for said in one["accused"]:
            yield f"{one['component']}: {one['how']} ({one['dtype']}) is accused: {said}"
        if one["worst_ratio"] > 1:
            yield f"{one['component']}: {one['how']} ({one['dtype']}) stands at {one['worst_ratio']:.3g} of the bound"
    variants = len({(one["component"], one["how"]) for one in rows})
    evaluations = sum(one["evaluations"] for one in rows)
    if not quick and variants < WANTED_VARIANTS:
        yield f"{variants} honest variants, wanted {WANTED_VARIANTS}"
    if not quick and evaluations < WANTED_EVALUATIONS:
        yield f"{evaluations} evaluations, wanted {WANTED_EVALUATIONS}"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """A row for each component and dtype."""
    keys = dict.fromkeys((one["component"], one["dtype"]) for one in rows)
    lines = []
    for component, dtype in keys:
        here = [one for one in rows if (one["component"], one["dtype"]) == (component, dtype)]
        known = sorted({law for one in here for law in one["known"]})
        lines.append(
            (
                component,
                dtype,
                len({one["how"] for one in here}),
                sum(one["evaluations"] for one in here),
                sum(bool(one["accused"]) for one in here),
                max(one["worst_ratio"] for one in here),
                ", ".join(known) or "-",
            )
        )
    heads = ("component", "dtype", "variants", "evaluations", "accused", "largest ratio", "known deviations")
    total = sum(one["evaluations"] for one in rows)
    variants = len({(one["component"], one["how"]) for one in rows})
    return f"{variants} honest variants, {total:,} evaluations (a judged case is one).\n\n{table(heads, lines)}"
