"""Absent: why an implementation cannot be asked a law at all, or is asked it in another dtype, or another run."""

from __future__ import annotations

from veriformer.impls.protocol import Door
from veriformer.properties import menu
from veriformer.properties.law import Law
from veriformer.properties.menu import Budget
from veriformer.spec.numbers.precision import FLOAT32, FORMATS


def why_absent(law: Law, door: Door) -> str:
    """Why the implementation cannot be asked this law at all; empty when it can."""
    offer = door.offers.get(law.component)
    if offer is None:
        return "not offered"
    missing = [name for name in law.needs if not offer.takes(name)]
    if missing:
        return f"no keyword {', '.join(missing)}"
    fixed = [name for name in law.needs if name in offer.conventions]
    if fixed:
        return f"{', '.join(fixed)} is fixed by a declared convention"
    if law.gradients and door.backend == "numpy" and not offer.vjp:
        return "no gradient: NumPy code offers it with @impl.vjp"
    if law.backends is not None and door.backend not in law.backends:
        return f"{law.name} does not apply to {door.backend}"
    return ""


def why_elsewhere(law: Law, door: Door, budget: Budget) -> str:
    """Why it is asked in another dtype, or run, instead; empty where it is asked in this one. Of stacks the bounds of gradients
    say nothing in half types."""
    if budget.quick and menu.is_large(law):
        return "asked in whole runs"
    beside_another = door.backend in menu.COMPILED and budget.sizes is not None
    vacuous = law.gradients and FORMATS[door.dtype].digits < FLOAT32.digits
    if beside_another and menu.is_stack(law) and (vacuous or not law.in_each_dtype):
        return f"asked in another dtype alone, since each size is compiled anew; --dtype {door.dtype} asks it here"
    return ""
