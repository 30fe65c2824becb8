"""Tightness: what share of the derived bound honest code takes. A bound that never accuses because it is huge is a defect.

The shapes are those on which the prototype was measured, its table stands beside ours.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from tests.controls.control import HALF, WIDE, widened
from tests.power.honest import FAMILIES, controls
from tests.power.known import covering
from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer import Implementation
from veriformer.impls.numpy import impl as ours
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.experiment import Experiment, also_layer, promised
from veriformer.properties.judge import fits, try_case
from veriformer.properties.probes import Row
from veriformer.properties.search import Budget, sweep
from veriformer.properties.search import drawn as drawn_case
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import Record
from veriformer.spec import COMPONENTS

TITLE = "Tightness"
AGREES = "agrees_with_the_spec"
COLUMNS = (
    ("float64", "eager"),
    ("float32", "eager"),
    ("bfloat16", "eager"),
    ("bfloat16", "layer"),
    ("float16", "layer"),
)
QUICK_COLUMNS = (("float32", "eager"), ("bfloat16", "layer"))
EVERY = 4
"""A quick run takes one honest implementation in so many."""
PROTOTYPE = MappingProxyType(
    {
        "softmax": (0.07, 0.06, 0.07, 0.49, 0.48),
        "attention": (0.03, 0.02, 0.06, 0.21, 0.27),
        "multi_head_attention": (0.02, 0.008, 0.05, 0.12, 0.13),
        "layer_norm": (0.20, 0.21, 0.36, 0.49, 0.50),
        "gelu": (0.11, 0.12, 0.07, 0.46, 0.48),
        "feed_forward": (0.04, 0.02, 0.26, 0.26, 0.26),
        "encoder_layer": (0.005, 0.001, 0.01, 0.02, 0.03),
        "cross_entropy": (0.02, 0.01, 0.03, 0.10, 0.21),
        "adamw": (0.61, 0.65, 0.32, 0.33, 0.33),
    }
)
"""Median of observed / bound in the prototype, by COLUMNS."""


def flat(*shape: int) -> Row:
    return {"shape": shape, "rank": len(shape), "n": shape[-1], "classes": shape[-1]}


def square(length: int, width: int) -> Row:
    """Self-attention without heads, and everything around it: no mask, nothing switched off."""
    sizes = {"batch": (), "rank": 2, "length": length, "d_k": width, "d_v": width, "d_model": width}
    return {**sizes, "d_ff": 4 * width, "n_heads": 4 if width > 4 else 1}


SHAPES = ((2, 4), (4, 8), (8, 16))
ROWS: dict[str, tuple[Row, ...]] = {
    **dict.fromkeys(("softmax", "layer_norm", "gelu", "cross_entropy"), tuple(flat(*shape) for shape in SHAPES)),
    "attention": tuple({**square(*shape), "length_k": shape[0]} for shape in SHAPES),
    **dict.fromkeys(("multi_head_attention", "feed_forward"), tuple(square(*shape) for shape in SHAPES)),
    "encoder_layer": tuple(square(*shape) for shape in SHAPES),
    "adamw": tuple(
        {
            "shapes": (shape,),
            "tensors": 1,
            "numbers": shape[0] * shape[1],
            "step": step,
            "lr": 1e-3,
            "weight_decay": 0.01,
        }
        for shape, step in zip(SHAPES, (0, 9, 299), strict=True)
    ),
}
"""Component -> the sizes of its cases."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each component and column."""
    columns = QUICK_COLUMNS if quick else COLUMNS
    return shared_out(ratios, [(component, *column, quick) for component in PROTOTYPE for column in columns])


def ratios(component: str, dtype: str, contract: str, quick: bool) -> list[dict[str, Any]]:
    """The largest observed / bound of each case that is judged, over all honest implementations."""
    law = next(law for law in LAWS[component] if law.name == AGREES)
    law = dataclasses.replace(law, rows=ROWS[component], thorough=True)
    truths, found = Truths(), []
    for implementation in itertools.islice(honest(component, dtype, contract), 0, None, EVERY if quick else 1):
        door = open_door(implementation, dtype, "cpu")
        settled = settle(door, component, INQUIRIES, fits, truths)
        experiment = Experiment(
            door, COMPONENTS[component], settled.values, promised(door, component), truths, also_layer(door, component)
        )
        for seed in range(1 if quick else 3):
            for draw in sweep(law, list(law.rows[:2] if quick else law.rows), dtype, Budget(0, False, seed)):
                case = drawn_case(law, draw, door.offers[component], settled)
                outcome = None if case is None else try_case(law, case, experiment)
                if outcome is not None and outcome.worst is not None:
                    found.append(outcome.worst.ratio)
    top, high, middle = (float(np.percentile(found, q)) if found else 0.0 for q in (100, 99, 50))
    return [
        {
            "component": component, "dtype": dtype, "contract": contract, "evaluations": len(found),
            "max": top, "99th": high, "median": middle,
            "prototype": PROTOTYPE[component][COLUMNS.index((dtype, contract))],
        }
    ]  # fmt: skip


def honest(component: str, dtype: str, contract: str) -> Iterator[Implementation]:
    """The controls of a component that promise this, and our own NumPy code, widened where that is what `layer` means."""
    for family in FAMILIES:
        for one in controls(family):
            plain = not one.slow and one.implementation.backend != "jax" and dtype in one.implementation.dtypes
            promise = one.implementation.precision or "eager"
            known = covering(Record("verdict", one.implementation.name, component, AGREES, dtype, "cpu"))
            if one.component == component and plain and promise == contract and not known:
                yield one.implementation
    yield from own(component, dtype, contract)


def own(component: str, dtype: str, contract: str) -> Iterator[Implementation]:
    """Ours: in half types as NumPy has them, NumPy's sums would be kept in the half type; so in float32 inside alone."""
    if dtype in HALF and contract == "eager":
        from veriformer.impls.torch import impl as in_torch

        made = Implementation("torch, eager", "torch", dtypes=HALF)
        made.component(component, **in_torch.offers[component].conventions)(in_torch.functions[component])
        yield made
        return
    made = Implementation("ours", dtypes=(*WIDE, *HALF), precision="layer" if dtype in HALF else None)
    function = ours.functions[component]
    made.component(component, **ours.offers[component].conventions)(widened(function) if dtype in HALF else function)
    yield made


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: no ratio above 1, and medians as good as the prototype's."""
    for one in rows:
        where = f"{one['component']}, {one['dtype']} {one['contract']}"
        if one["max"] > 1:
            yield f"{where}: a ratio of {one['max']:.3g}"
        if not quick and one["median"] < one["prototype"]:
            yield f"{where}: median {one['median']:.3g}, the prototype's was {one['prototype']:.3g}"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """max | 99th percentile | median, and the prototype's median in brackets."""
    columns = [column for column in COLUMNS if any((one["dtype"], one["contract"]) == column for one in rows)]
    cells = {
        (
            one["component"],
            one["dtype"],
            one["contract"],
        ): f"{one['max']:.2f} / {one['99th']:.2f} / {one['median']:.3g} ({one['prototype']:g})"
        for one in rows
    }
    lines = [(name, *(cells.get((name, *column), "-") for column in columns)) for name in PROTOTYPE]
    heads = ("component", *(f"{dtype} {contract}" for dtype, contract in columns))
    legend = "Observed / bound over honest evaluations: largest / 99th percentile / median (the prototype's median)."
    return f"{legend}\n\n{table(heads, lines)}"
