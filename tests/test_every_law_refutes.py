"""Every law refutes a wrong component by itself, the law of agreement switched off, and holds of an honest one.

`wrong/` has a file for each component. A function there breaks the law that it is named after and says how; one whose
name ends in `_vjp` is its gradient. Where only one of the two is wrong the other is the honest one. What no component
breaks in a way of its own is broken in the way of `wrong/universal.py`. A function of `wrong/optimizer.py` makes of an honest
class of optimizers one whose objects break the law.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from veriformer.impls.numpy import impl, optimizers
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS, OBJECT_LAWS, diagnose, minimise
from veriformer.properties.experiment import Experiment
from veriformer.properties.judge import fits, judge, try_case
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget, is_large
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import precision_of

Functions = dict[str, Callable[..., Any]]
EVERY_LAW = [pytest.param(law, id=f"{law.component}-{law.name}") for laws in LAWS.values() for law in laws]
EVERY_LAW += [
    pytest.param(law, id=f"{law.component}-object-{law.name}") for laws in OBJECT_LAWS.values() for law in laws
]
TRUTHS = Truths()


@pytest.fixture(autouse=True)
def undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is known: no other formula is tried, and the counterexample need not be the smallest, in large sizes and of
    deep stacks least of all."""
    monkeypatch.setattr(diagnose, "DIAGNOSED", ())
    monkeypatch.setattr(minimise, "CALLS", 100)
    monkeypatch.setattr(minimise, "DEAR_CALLS", 5)


def functions_of(path: Path) -> Functions:
    """The public functions that a file defines, by name."""
    own = runpy.run_path(str(path), run_name=path.stem)
    return {
        name: value
        for name, value in own.items()
        if isinstance(value, FunctionType) and value.__module__ == path.stem and not name.startswith("_")
    }


WRONG = {path.stem: functions_of(path) for path in sorted((Path(__file__).parent / "wrong").glob("*.py"))}
UNIVERSAL = WRONG.pop("universal")
OPTIMIZER = WRONG.pop("optimizer")


def honest_of(law: Law) -> Implementation:
    """Our NumPy implementation that offers the component in the form of the law."""
    return optimizers if law in OBJECT_LAWS.get(law.component, ()) else impl


def wrong_implementation(law: Law) -> Implementation:
    """The honest component with what breaks this law, under the same conventions."""
    component, honest = law.component, honest_of(law)
    function, vjp = honest.functions[component], honest.pullbacks.get(component)
    own = WRONG[component] if honest is impl else {name: make(function) for name, make in OPTIMIZER.items()}
    if law.name in own or f"{law.name}_vjp" in own:
        function, vjp = own.get(law.name, function), own.get(f"{law.name}_vjp", vjp)
    else:
        spoil = UNIVERSAL.get(law.name, lambda honest_one: honest_one)
        function = in_every_step(spoil, function) if isinstance(function, type) else spoil(function)
        if f"{law.name}_vjp" in UNIVERSAL:
            vjp = UNIVERSAL[f"{law.name}_vjp"](vjp)
    wrong = Implementation(f"wrong {component}")
    offer = honest.offers[component]
    wrong.component(component, form=offer.form, **offer.conventions)(function)
    if vjp is not None:
        wrong.vjp(component)(vjp)
    return wrong


def in_every_step(spoil: Callable[..., Any], honest_class: Any) -> type:
    """A class whose objects do each step as this makes it wrong."""
    return type("Wrong", (honest_class,), {"step": spoil(honest_class.step)})


def judged(law: Law, implementation: Implementation, budget: Budget, dtype: str = "float32") -> Record:
    """The verdict of one law."""
    door = open_door(implementation, dtype, "cpu")
    return judge(law, door, budget, settled=settle(door, law.component, INQUIRIES, fits, TRUTHS), truths=TRUTHS)


def verdict_of_the_honest(law: Law, found: Mapping[str, Any]) -> Verdict:
    """What the same law says of the honest implementation on a counterexample."""
    case = Case(
        tuple(found["arguments"].values()),
        found["options"],
        found["extra"],
        {tuple(path): layout for path, layout in found["layouts"]},
        tuple(tuple(group) for group in found["aliases"]),
        found["extension"],
    )
    door = open_door(honest_of(law), "float32", "cpu")
    precision = precision_of("float32")
    experiment = Experiment(door, in_form(law.component, law.form), found["conventions"], precision, TRUTHS)
    return try_case(law, case, experiment).verdict


@pytest.mark.parametrize("law", EVERY_LAW)
def test_refutes_what_breaks_it(law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_large(law):
        monkeypatch.setattr(minimise, "CALLS", 20)
    record = judged(law, wrong_implementation(law), Budget(examples=10))
    assert record.verdict is Verdict.BROKEN, f"{record.verdict}: {record.message}"
    assert record.message
    assert record.counterexample is not None
    accused = verdict_of_the_honest(law, record.counterexample)
    assert accused not in (Verdict.BROKEN, Verdict.CRASHED), "the minimiser left the domain of the law"


@pytest.mark.parametrize("law", EVERY_LAW)
def test_holds_of_the_honest_implementation(law: Law) -> None:
    budget = Budget(0, quick=not is_large(law))
    # through a whole stack the bound of half of the gradients in float32 says nothing
    dtype = "float64" if law.gradients and law.subject and law.subject.stack else "float32"
    record = judged(law, honest_of(law), budget if law.gradients or budget.quick else budget.narrowed(2), dtype)
    assert record.verdict is Verdict.HELD, f"{record.verdict}: {record.message}"


def test_every_law_has_something_that_breaks_it() -> None:
    there = {(c, law.name) for c, laws in LAWS.items() for law in laws}
    own = {(c, name.removesuffix("_vjp")) for c, functions in WRONG.items() for name in functions}
    everywhere = {name.removesuffix("_vjp") for name in UNIVERSAL}
    assert {(c, name) for c, name in there - own if name not in everywhere} == set()
    of_objects = {law.name for laws in OBJECT_LAWS.values() for law in laws}
    assert of_objects - OPTIMIZER.keys() - everywhere == set()


def test_whatever_is_wrong_breaks_a_law_that_exists() -> None:
    own = {(c, name.removesuffix("_vjp")) for c, functions in WRONG.items() for name in functions}
    assert own - {(c, law.name) for c, laws in LAWS.items() for law in laws} == set()
    assert OPTIMIZER.keys() <= {law.name for laws in OBJECT_LAWS.values() for law in laws}
    assert {name.removesuffix("_vjp") for name in UNIVERSAL} <= {law.name for laws in LAWS.values() for law in laws}


def test_whatever_is_wrong_says_how() -> None:
    everything = {**WRONG, "optimizer": OPTIMIZER}
    assert [f"{c}.{n}" for c, functions in everything.items() for n, f in functions.items() if not f.__doc__] == []
