"""Real defects of PyTorch and JAX, found again by the ordinary laws and probes on the versions installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from tests.power.honest import FAMILIES, controls
from tests.power.judging import judged
from tests.power.known import covering, missing
from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer.impls.tree import leaves
from veriformer.properties.menu import Budget
from veriformer.record import Record

TITLE = "Real defects"
AGREES, GRADIENTS = "agrees_with_the_spec", "gradients_agree_with_the_spec"
LAYOUT = "does_not_care_how_its_arguments_lie_in_memory"


@dataclass(frozen=True)
class Defect:
    """One defect: which control shows it, in which dtype and under which law, and its cause in plain words.

    not_layer: it is found when the record says that it does not keep to float32 inside.
    """

    number: int
    library: str
    component: str
    how: str
    dtype: str
    law: str
    cause: str
    not_layer: bool = False


STORED = "the gradients of gain and shift are summed over the rows in the half type itself: the sum stands still"
REDUCED = "the gradient of what was broadcast is summed in the half type, at least in part"
STEPWISE = "every step inside is rounded to bfloat16, where the function is one to its user"
SCALED = "the norm is computed as x * scale + shift, which cancels far from 0"
DEFECTS = (
    Defect(1, "torch", "adamw", "torch.optim, fused", "float32", LAYOUT,
           "the fused kernel pairs parameter and gradient by their place in memory, whatever their strides"),
    Defect(2, "torch", "layer_norm", "torch.nn.functional.layer_norm", "bfloat16", GRADIENTS, STORED),
    Defect(2, "torch", "layer_norm", "torch.nn.functional.layer_norm", "float16", GRADIENTS, STORED),
    Defect(3, "torch", "layer_norm", "torch.nn.functional.layer_norm, held to float32 inside", "bfloat16", AGREES, SCALED),
    Defect(3, "torch", "layer_norm", "torch.nn.functional.layer_norm, held to float32 inside", "float16", AGREES, SCALED),
    Defect(4, "torch", "cross_entropy", "torch.nn.functional.cross_entropy", "float16", AGREES,
           "with label smoothing the log-probabilities of all classes and rows are summed in float16, and overflow"),
    Defect(5, "jax", "attention", "jax.nn.dot_product_attention, jit", "float64", AGREES,
           "scores and weights of float64 are computed in float32"),
    Defect(6, "jax", "layer_norm", "jax, jit", "bfloat16", GRADIENTS, REDUCED),
    Defect(6, "jax", "feed_forward", "jax, jit", "bfloat16", GRADIENTS, REDUCED),
    Defect(6, "jax", "softmax", "jax.nn.softmax, jit", "bfloat16", AGREES, STEPWISE, not_layer=True),
    Defect(6, "jax", "gelu", "jax.nn.gelu, jit", "bfloat16", AGREES, STEPWISE, not_layer=True),
    Defect(7, "torch", "gelu", "torch.nn.functional.gelu", "float32", "infinities_have_their_limits",
           "the erf of AVX-512 answers nan to plus infinity, the scalar one does not"),
    Defect(8, "torch", "attention", "SDPA, flash", "float32", "nan_is_not_lost",
           "what is left beside whole vector registers has a maximum of its own, which passes over nan: the row seems masked"),
    Defect(9, "torch", "layer_norm", "torch.nn.functional.layer_norm", "float32", GRADIENTS,
           "the gradient is formed as a * cotangent + b * x + c: of equal numbers it is what a large difference leaves"),
)  # fmt: skip
"""1 to 6 as the notes of the prototype number them, which found them first; 7 to 9 were found by the honest controls."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each defect; in a quick run only of what JAX need not compile for many sizes."""
    slow = ("attention", "feed_forward")
    chosen = [n for n, one in enumerate(DEFECTS) if not quick or one.library != "jax" or one.component not in slow]
    return shared_out(look_for, [(number, quick) for number in chosen])


def look_for(number: int, quick: bool) -> list[dict[str, Any]]:
    """Judge the control under the law, in the ordinary way."""
    defect = DEFECTS[number]
    control = next(
        one
        for family in FAMILIES
        for one in controls(family)
        if (one.component, one.how) == (defect.component, defect.how)
    )
    budget = Budget(0 if quick else 25)
    records = judged([control.implementation], defect.component, defect.dtype, budget, laws=(defect.law,))
    record = next(one for one in records if one.law == defect.law)
    found = record.precision.get("also_holds_layer") is False if defect.not_layer else record.bad
    example = record.counterexample or {}
    return [
        {
            "number": defect.number,
            "library": f"{defect.library} {version(defect.library)}",
            "component": defect.component,
            "how": defect.how,
            "dtype": defect.dtype,
            "law": defect.law,
            "found": found,
            "needs": missing(defect.component, defect.law),
            "said": "not layer" if defect.not_layer and found else record.message,
            "examples": example.get("examples"),
            "numbers": written(record),
            "cause": defect.cause,
            "listed": covering(record) is not None or defect.not_layer,
            "known": [defect.law] if record.bad else [],
        }
    ]


def written(record: Record) -> int | None:
    """How many numbers of the counterexample are not 0; None where there is none."""
    example = record.counterexample
    if example is None:
        return None
    given = (example["arguments"], example["options"], example["extra"])
    arrays = (leaf for _, leaf in leaves(given) if isinstance(leaf, np.ndarray))
    return sum(int(np.count_nonzero(np.asarray(array).astype(np.float64))) for array in arrays)


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """What must hold and does not: every defect that can occur on this machine is found, and stands in the list of known
    deviations."""
    for one in rows:
        if one["needs"] and not one["found"]:
            continue
        if not one["found"]:
            yield f"defect {one['number']}, {one['how']} ({one['dtype']}): not found; {one['said']}"
        elif not one["listed"]:
            yield f"defect {one['number']}, {one['how']} ({one['dtype']}): not in known_deviations.toml"


def verdict(one: dict[str, Any]) -> str:
    """Whether it is found, or why it cannot be here."""
    return one["said"] if one["found"] else f"does not occur without {one['needs']}" if one["needs"] else "no"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """Each defect, its counterexample and its cause."""
    heads = ("", "library", "what", "dtype", "law", "found", "numbers in the counterexample", "cause")
    lines = [
        (
            one["number"], one["library"], f"{one['component']}: {one['how']}", one["dtype"], one["law"],
            verdict(one), "-" if one["numbers"] is None else one["numbers"], one["cause"],
        )
        for one in rows
    ]  # fmt: skip
    return table(heads, lines)
