"""Tightness: what share of the derived bound honest code takes. A bound that never accuses because it is huge is a defect.

An evaluation is one honest implementation asked one case; its ratio is the largest over the elements that are judged. The
prototype's own shapes, parameters and implementations are not kept. So beside the medians that were told of it stand those of
its bounds over these very evaluations, measured once: like with like. Where our median is below both, a reason is due: an
honest algorithm that its bounds did not admit, and how far beyond them it was seen.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tests.controls.control import HALF, WIDE, widened
from tests.power.honest import FAMILIES, controls
from tests.power.known import covering
from tests.power.prototype import COLUMNS, NEEDED_BY, PROTOTYPE, PROTOTYPE_HERE, SETTLED
from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer import Implementation
from veriformer.impls.numpy import impl as ours
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.drawn import drawn as drawn_case
from veriformer.properties.experiment import Experiment, also_layer, promised
from veriformer.properties.judge import fits, try_case
from veriformer.properties.menu import Budget
from veriformer.properties.probes import Row
from veriformer.properties.search import sweep
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import Record
from veriformer.spec import COMPONENTS

TITLE = "Tightness"
AGREES = "agrees_with_the_spec"
QUICK_COLUMNS = (("float32", "eager"), ("bfloat16", "layer"))
EVERY = 4
"""A quick run takes one honest implementation in so many."""
MARGIN = 0.9
"""Two medians are one where they differ by less: draws of the same kinds, on processors that add up in other orders. That of
layer norm in float64 was 0.0460, 0.0439 and 0.0434 on three of them, under one bound."""


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
    column = COLUMNS.index((dtype, contract))
    top, high, middle = (float(np.percentile(found, q)) if found else 0.0 for q in (100, 99, 50))
    return [
        {
            "component": component, "dtype": dtype, "contract": contract, "evaluations": len(found),
            "max": top, "99th": high, "median": middle,
            "prototype": PROTOTYPE[component][column],
            "prototype_here": PROTOTYPE_HERE[component][column],
            "settled": SETTLED[component][column] if component in SETTLED else 0.0,
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


def looser(one: dict[str, Any]) -> bool:
    """Is the median below what the prototype was told to have, and below what its bounds have here?"""
    return bool(one["median"] < MARGIN * min(one["prototype"], one["prototype_here"]))


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: no ratio above 1, and no bound wider than the prototype's without need."""
    for one in rows:
        where = f"{one['component']}, {one['dtype']} {one['contract']}"
        if one["max"] > 1:
            yield f"{where}: a ratio of {one['max']:.3g}"
        if quick or not looser(one):
            continue
        told = (
            f"median {one['median']:.3g}, the prototype's was {one['prototype']:.3g}, here {one['prototype_here']:.3g}"
        )
        if one["component"] not in NEEDED_BY:
            yield f"{where}: {told}"
        elif one["median"] < MARGIN * one["settled"]:
            yield f"{where}: {told}; when its reason was written down ours was {one['settled']:.3g}"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """max / 99th percentile / median, the prototype's two medians in brackets, and what the wider bounds are needed by."""
    columns = [column for column in COLUMNS if any((one["dtype"], one["contract"]) == column for one in rows)]
    cells = {(one["component"], one["dtype"], one["contract"]): cell(one) for one in rows}
    lines = [(name, *(cells.get((name, *column), "-") for column in columns)) for name in PROTOTYPE]
    heads = ("component", *(f"{dtype} {contract}" for dtype, contract in columns))
    legend = (
        "Observed / bound over honest evaluations: largest / 99th percentile / median (the prototype's median on its own "
        "evaluations; its bounds' median on these). Where ours is below both (*), the bound is wider, and needed by:"
    )
    reasons = [
        f"- {name}: {NEEDED_BY[name]}." for name in NEEDED_BY if any(looser(o) for o in rows if o["component"] == name)
    ]
    return "\n\n".join([legend, "\n".join(reasons), table(heads, lines)])


def cell(one: dict[str, Any]) -> str:
    """One component in one dtype."""
    ours = f"{one['max']:.2f} / {one['99th']:.2f} / {one['median']:.3g}"
    return f"{ours} ({one['prototype']:g}; {one['prototype_here']:g}){' *' if looser(one) else ''}"
