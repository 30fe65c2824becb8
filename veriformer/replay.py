"""Replay: put a recorded counterexample to an implementation again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from veriformer.impls.discover import Found
from veriformer.impls.door import find
from veriformer.impls.protocol import Misuse
from veriformer.properties import laws_of as searched_laws_of
from veriformer.properties.experiment import Experiment, promised
from veriformer.properties.judge import try_case
from veriformer.properties.law import Case, Law
from veriformer.properties.outcome import Outcome
from veriformer.properties.real.agreement import LAWS as REAL_LAWS
from veriformer.properties.settle import Settled
from veriformer.properties.telling import counterexample, message_of
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict
from veriformer.reports.terminal import failure, line, say
from veriformer.spec import COMPONENTS, in_form


def reproduce(target: str, *, implementation: str, **stored: Any) -> None:
    """Show one counterexample again: what scripts call. Exits 1 if the law is still broken, 0 if it is not, 2 if the
    implementation cannot be found."""
    console = Console()
    try:
        record = again(named(implementation, target), stored)
    except Misuse as misuse:
        say(console, line(f"cannot replay: {misuse}"))
        sys.exit(2)
    if record.bad:
        say(console, failure(record))
        sys.exit(1)
    if record.verdict is not Verdict.HELD:
        say(console, line(f"not judged here: {record.verdict} {record.message}"))
        sys.exit(2)
    say(console, line(f"FIXED: {record.component} of {implementation} keeps the law {record.law} on this input"))


def named(name: str, target: str) -> Found:
    """The implementation of this name that a target leads to. Raises Misuse when there is none."""
    found = find(target)
    for one in found:
        if one.implementation and one.name == name:
            return one
    held = ", ".join(repr(one.name) for one in found if one.implementation)
    raise Misuse(f"{target}: " + ("; ".join(one.error for one in found if one.error) or f"holds {held}, not {name!r}"))


def again(found: Found, stored: Mapping[str, Any]) -> Record:
    """The verdict of one stored case."""
    component = stored["component"]
    why = why_not(found, stored["dtype"], stored["device"])
    if why:
        raise Misuse(why)
    offer = found.present.offers.get(component)
    law = law_of(component, stored["law"], offer.form if offer else "")
    if offer is None:
        return Record(
            kind="verdict",
            implementation=found.name,
            component=law.component,
            verdict=Verdict.ABSENT,
            message=f"{found.name} no longer offers {law.component}",
        )
    door = found.open(stored["dtype"], stored["device"])
    conventions = dict(stored.get("conventions", {}))
    spec = in_form(component, law.form)
    experiment = Experiment(door, spec, conventions, promised(door, law.component), Truths())
    try:
        case = stored_case(stored)
        wanted = spec.positional
        if len(case.arguments) != len(wanted):
            raise ValueError(f"{len(case.arguments)} arguments are stored, wanted are {', '.join(wanted)}")
        outcome = try_case(law, case, experiment)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # written by another version, or by hand
        raise Misuse(f"the counterexample cannot be put again: {type(error).__name__}: {error}") from error
    finally:
        door.close()
    settled = Settled(conventions, {name: str(value) for name, value in conventions.items()})
    return Record(
        kind="verdict",
        implementation=found.name,
        component=law.component,
        law=law.name,
        sentence=law.sentence,
        dtype=door.dtype,
        device=door.device,
        conventions=settled.described,
        verdict=outcome.verdict,
        judged=1,
        message=message_of(outcome) or outcome.reason,
        counterexample=counterexample(law, door, case, outcome, 1, settled) if outcome.bad else None,
        **ratios(outcome),
    )


def ratios(outcome: Outcome) -> dict[str, Any]:
    """The worst ratio and ulps of one outcome."""
    worst = outcome.worst
    return {"worst_ratio": worst.ratio, "worst_ulps": worst.ulps} if worst else {}


def laws_of(component: str) -> list[Law]:
    """The laws of a component, on searched and on real input."""
    searched = searched_laws_of(component) if component in COMPONENTS else ()
    return [*searched, *(law for law in REAL_LAWS.values() if law.component == component)]


def law_of(component: str, name: str, form: str = "") -> Law:
    """The law of this name, and of this form where both have one; Misuse if this version has none."""
    for law in sorted(laws_of(component), key=lambda law: law.form != form):
        if law.name == name:
            return law
    raise Misuse(f"this version of veriformer has no law {name!r} of {component!r}")


def stored_case(stored: Mapping[str, Any]) -> Case:
    """A case from what a record or a script holds."""
    arguments = stored["arguments"]
    return Case(
        arguments=tuple(arguments.values()) if isinstance(arguments, Mapping) else tuple(arguments),
        options=dict(stored.get("options", {})),
        extra=dict(stored.get("extra", {})),
        layouts={tuple(path): layout for path, layout in stored.get("layouts", [])},
        aliases=tuple(tuple(group) for group in stored.get("aliases", [])),
        extension=stored.get("extension", ""),
    )


def why_not(found: Found, dtype: str, device: str) -> str:
    """Why it cannot be asked in this dtype on this device; empty when it can."""
    implementation = found.present
    if dtype not in implementation.dtypes:
        return f"{dtype} is not offered"
    if device not in implementation.devices:
        return f"{device} is not offered"
    return "" if device in found.devices() else f"no {device} device"


def replay(records: Iterable[Record], found: Sequence[Found]) -> Iterable[tuple[Record, Record]]:
    """Everything broken or crashed of the named implementations, with its verdict now. Nothing else is imported."""
    present = {one.name: one for one in found if one.implementation}
    for old in records:
        if old.kind == "verdict" and old.bad and old.implementation in present:
            yield old, replace(now(present[old.implementation], old), seed=old.seed)


def now(found: Found, old: Record) -> Record:
    """The verdict on the counterexample of a record, or why there is none."""
    where = {"component": old.component, "law": old.law, "dtype": old.dtype, "device": old.device}
    try:
        if not old.counterexample:
            raise Misuse("no counterexample was stored; check --only-broken judges it again")
        return again(found, {**old.counterexample, **where})
    except Misuse as misuse:
        return replace(old, verdict=Verdict.ABSENT, counterexample=None, message=str(misuse))
