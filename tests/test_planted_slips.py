"""Slips planted in our NumPy implementation are found and called by their names, and so is every slip that the spec knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.planted_copy import copied, forgotten, plant
from tests.planted_edits import AGREES, GRADIENTS
from tests.planted_slips import DEFAULTS, Planted
from tests.planted_slips import SLIPS as PLANTED
from veriformer.impls.answer import digest_of
from veriformer.impls.discover import find
from veriformer.impls.numpy import impl as honest
from veriformer.impls.protocol import Implementation
from veriformer.impls.tree import leaves, rebuild
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS, SUBJECTS, minimise
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.formula import is_floating
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.probes import Draw
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import BAD, Record
from veriformer.spec import COMPONENTS, SLIPS, Slip, made, met_by
from veriformer.spec.numbers import Ball, Tape, pull_back, working_precision

BUDGETS = (Budget(0, quick=True), Budget(10))
BITS = 512
TRUTHS = Truths()
UNDECLARED = (
    "for name, offer in impl.offers.items():",
    "    impl.component(name, form=offer.form)(impl.functions[name])",
)
"""Our components once more, and nothing said of their conventions."""
EACH_PLANTED = [
    pytest.param(slip, through, id=f"{slip.named}-{slip.component}-{through}".replace(" ", "_"))
    for slip in PLANTED
    for through in slip.seen_through
]


@pytest.fixture(autouse=True)
def hardly_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is called is asked here, not how small its counterexample becomes."""
    monkeypatch.setattr(minimise, "CALLS", 40)


def checked(target: Path, component: str, *laws: str) -> list[Record]:
    """The verdicts on a copy, of a quick sweep if it is broken there."""
    with forgotten():
        found, selection = find(str(target)), Selection((component,), laws, ("float32",))
        for budget in BUDGETS:
            records = list(Suite(found, selection, budget, truths=TRUTHS).records())
            if records[0].verdict in BAD:
                break
    return records


def is_named(record: Record, *words: str) -> bool:
    """Does the diagnosis say that, and nothing else?"""
    return record.verdict in BAD and all(w in record.diagnosis for w in words) and " or with " not in record.diagnosis


@pytest.mark.parametrize(("slip", "through"), EACH_PLANTED)
def test_planted_slip_is_named(slip: Planted, through: str, tmp_path: Path) -> None:
    target = copied("numpy", tmp_path)
    plant(target, slip.component, slip.old, slip.new)
    record, *_ = checked(target, through, slip.law)
    assert is_named(record, slip.named), f"{record.verdict}: {record.message}; {record.diagnosis}"


def is_of_a_mask(name: str) -> bool:
    """A slip in what is seen, on which the silent conventions depend."""
    return name.startswith(("mask", "causal_")) and "=" not in name


HIDING = [slip for slip in PLANTED if slip.component in ("softmax", "attention") and is_of_a_mask(slip.named)]


@pytest.mark.parametrize("slip", HIDING, ids=lambda slip: f"{slip.named}-{slip.component}".replace(" ", "_"))
def test_slip_is_the_first_word_where_it_keeps_conventions_from_being_found_out(slip: Planted, tmp_path: Path) -> None:
    """Nothing is declared, and no value of a convention explains the answers, since the slip is in them too."""
    target = copied("numpy", tmp_path, UNDECLARED)
    plant(target, slip.component, slip.old, slip.new)
    record, *others = checked(target, slip.component, slip.law)
    assert is_named(record, slip.named), f"{record.verdict}: {record.message}; {record.diagnosis}"
    assert not [other for other in others if other.verdict in BAD], "who misses the formula is told that alone"


def test_convention_and_slip_are_named_together(tmp_path: Path) -> None:
    """A pre-norm layer, undeclared, whose scores are not scaled."""
    target = copied("numpy", tmp_path)
    scale, *_ = (slip for slip in PLANTED if (slip.named, slip.component) == ("no_scale", "attention"))
    plant(target, "attention", scale.old, scale.new)
    plant(target, "encoder_layer", DEFAULTS, DEFAULTS.replace("post", "pre"))
    record, *_ = checked(target, "encoder_layer", AGREES)
    assert is_named(record, "norm='pre' and", "(no_scale)"), record.diagnosis


def parts_of(component: str) -> set[int]:
    """The parts that a component's formula runs through on some of the drawn cases."""
    subject, met = SUBJECTS[component], set()
    for row in subject.rows:
        case = subject.draw(Draw(row, "normal", 1, "float32", subject.top("float32")))
        arguments, options = rebuild((case.arguments, dict(case.options)), lambda _, leaf: wide(leaf))
        with np.errstate(all="ignore"):
            met |= met_by(lambda a=arguments, o=options: COMPONENTS[component](*a, **o))
    return met


def wide(leaf: Any) -> Any:
    """A floating array in float64."""
    return leaf.astype(np.float64) if is_floating(leaf) else leaf


PARTS = {name: parts_of(name) for name in COMPONENTS}


def slipped(component: str, slip: Slip) -> Implementation:
    """The spec itself, with the slip made, as an implementation: every number rounded once, at the end."""
    spec, conventions = COMPONENTS[component], honest.offers[component].conventions
    impl = Implementation(f"{component} with {slip.name}")

    def formula(*arguments: Any, **options: Any) -> Any:
        given = rebuild((arguments, options), lambda _, leaf: Ball.given(leaf) if is_floating(leaf) else leaf)
        with working_precision(BITS), made(slip):
            answer = spec(*given[0], **given[1], **conventions)
        return rebuild(answer, lambda _, leaf: leaf.centres().astype(np.float32) if isinstance(leaf, Ball) else leaf)

    known: dict[bytes, Any] = {}

    def in_turn(*arguments: Any, **options: Any) -> Any:
        """What was answered before; each explanation that is tried asks again."""
        key = digest_of((arguments, options))
        if key not in known:
            known[key] = answered(*arguments, **options)
        return rebuild(known[key], lambda _, leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf)

    def answered(*arguments: Any, **options: Any) -> Any:
        """What the formula takes from its answer comes from the answer, part by part."""
        told: dict[str, Any] = {}
        for _ in range(1 + len(spec.from_answer)):
            answer = formula(*arguments, **options, **told)
            told = spec.told_by(arguments, answer)
        return answer

    class Remembering:
        """The formula of all steps so far; what it says of the last is the answer."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.arguments, self.options, self.script = arguments, options, []

        def step(self, x_new: Any) -> Any:
            return self.after(("step", 0, x_new))

        def reorder(self, index: Any) -> Any:
            return self.after(("reorder", 0, index))

        def after(self, asked: tuple[Any, ...]) -> Any:
            self.script.append(asked)
            return formula(*self.arguments, tuple(self.script), **self.options)[-1]

    impl.component(component, form=spec.form, **conventions)(Remembering if spec.form == "object" else in_turn)

    @impl.vjp(component)
    def gradients(cotangent: np.ndarray, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        given = rebuild(arguments, lambda _, leaf: Tape(Ball.given(leaf)) if is_floating(leaf) else leaf)
        sources = [leaf for _, leaf in leaves(given) if isinstance(leaf, Tape)]
        with working_precision(BITS), made(slip):
            output = spec(*given, **options, **conventions)
            found = pull_back(output, Ball.given(cotangent), sources)
        flown = {
            id(source): np.zeros(source.shape, np.float32) if gradient is None else rounded(gradient)
            for source, gradient in zip(sources, found, strict=True)
        }
        differentiated = [tree for tree in given if any(isinstance(leaf, Tape) for _, leaf in leaves(tree))]
        return tuple(rebuild(tree, lambda _, leaf: flown.get(id(leaf))) for tree in differentiated)

    return impl


def rounded(leaf: Any) -> Any:
    """A ball as float32; a count as it is."""
    return leaf.centres().astype(np.float32) if isinstance(leaf, Ball) else leaf


def first_bad(implementation: Implementation, component: str) -> Record:
    """The first broken law that asks for another formula, in a quick sweep if it is broken there."""
    door = open_door(implementation, "float32", "cpu")
    settled = settle(door, component, INQUIRIES, fits, TRUTHS)
    laws = {law.name: law for law in LAWS[component]}
    names = (AGREES, GRADIENTS) if SUBJECTS[component].differentiable else (AGREES,)
    records = (judge(laws[name], door, budget, settled=settled, truths=TRUTHS) for budget in BUDGETS for name in names)
    return next((record for record in records if record.verdict in BAD), Record("verdict", "", component))


BY_MOMENTS = (
    "layer_norm",
    "variance = np.mean(deviation * deviation, axis=-1, keepdims=True)",
    "variance = np.mean(x * x, axis=-1, keepdims=True) - np.mean(x, axis=-1, keepdims=True) ** 2\n"
    "    variance = np.maximum(variance, 0)",
    "(variance_by_moments)",
)
BY_LOGSUMEXP = (
    "softmax",
    "return exponentials / np.where(total == 0.0, 1.0, total)",
    "if mask is None:\n        return np.exp(x - (highest + np.log(total)))\n"
    "    return exponentials / np.where(total == 0.0, 1.0, total)",
    "(by_logsumexp)",
)


@pytest.mark.parametrize(("component", "old", "new", "named"), [BY_MOMENTS, BY_LOGSUMEXP], ids=lambda word: word[:12])
def test_an_algorithm_that_loses_its_digits_is_named(
    component: str, old: str, new: str, named: str, tmp_path: Path
) -> None:
    """Equal to the formula in exact arithmetic: nothing but its roundings tells it apart, and no law of exact numbers can."""
    target = copied("numpy", tmp_path)
    plant(target, component, old, new)
    record, *_ = checked(target, component, AGREES)
    assert is_named(record, named), f"{record.verdict}: {record.message}; {record.diagnosis}"


EXACT = tuple(slip for slip in SLIPS if not slip.algorithm)


@pytest.mark.parametrize("slip", EXACT, ids=lambda slip: f"{slip.replaced.function.__name__}-{slip.name}")
def test_every_slip_of_the_spec_is_found_and_named(slip: Slip) -> None:
    """In the smallest component that shows it: distances, say, do not show from where positions are counted. One that
    differs from the formula on no drawn case is dead."""
    reached = [name for name, parts in PARTS.items() if id(slip.replaced) in parts]
    assert reached, "no drawn case runs through the part that it replaces"
    told = []
    for name in reached[:3]:
        record = first_bad(slipped(name, slip), name)
        if is_named(record, f"({slip.name})"):
            return
        told.append(f"{name}: {record.verdict}: {record.message}; {record.diagnosis}")
    pytest.fail("\n".join(told))
