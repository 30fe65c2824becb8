"""Hasty: of who is surely refuted nothing is certified, and hasty and exact verdicts are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from veriformer import Implementation
from veriformer.impls.numpy import impl
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS, judge
from veriformer.properties.experiment import Experiment, promised
from veriformer.properties.judge import in_haste, try_case, weigh
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled
from veriformer.properties.truth import Truth, Truths
from veriformer.record import Verdict
from veriformer.spec import COMPONENTS, SLIPS

BOTH = (False, True)
X = np.linspace(-3.0, 2.0, 24, dtype=np.float32).reshape(4, 6)


def agreement(component: str) -> Law:
    """The law of agreement."""
    return next(law for law in LAWS[component] if law.name == "agrees_with_the_spec")


def experiment(implementation: Implementation, component: str, *, hasty: bool) -> Experiment:
    """In float32, without settled conventions."""
    door = open_door(implementation, "float32", "cpu")
    exact = Experiment(door, COMPONENTS[component], {}, promised(door, component), Truths())
    return in_haste(exact) if hasty else exact


def scaled(factor: float) -> Implementation:
    """A softmax that is so many times as large."""
    scaled_impl = Implementation("scaled")

    @scaled_impl.component
    def softmax(x: np.ndarray) -> np.ndarray:
        return np.asarray(impl.functions["softmax"](x) * np.float32(factor))

    return scaled_impl


def test_who_is_far_from_the_value_is_refuted_and_nothing_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Truth, "enclosure", property(lambda self: pytest.fail("certified")))
    outcome = try_case(agreement("softmax"), Case((X,)), experiment(scaled(1.1), "softmax", hasty=True))
    assert outcome.verdict is Verdict.BROKEN


@pytest.mark.parametrize("factor", [1.0, *(1 + step * 2.0**-23 for step in range(1, 40))])
def test_hasty_and_exact_verdicts_are_the_same(factor: float) -> None:
    """From what honest code may err to ten times that."""
    law, case = agreement("softmax"), Case((X,))
    verdicts = {try_case(law, case, experiment(scaled(factor), "softmax", hasty=hasty)).verdict for hasty in BOTH}
    assert len(verdicts) == 1


def test_an_answer_of_nan_is_refuted_in_haste_too() -> None:
    outcome = try_case(agreement("softmax"), Case((X,)), experiment(scaled(np.nan), "softmax", hasty=True))
    assert outcome.verdict is Verdict.BROKEN


def test_the_distance_told_in_haste_is_no_more_than_the_exact_one() -> None:
    asked = experiment(scaled(1.01), "softmax", hasty=True).ask(Case((X,)))
    (hasty,) = asked.evidence()
    exact = asked.truth.evidence("output", asked.output(()))
    assert weigh(hasty, "float32").refuted and weigh(exact, "float32").refuted
    assert (hasty.observed <= exact.observed).all() and hasty.observed.any()


def test_a_slip_inside_an_algorithm_is_met_in_haste_too() -> None:
    """The bounds of attention as a whole do not run through its dropout: what they take for the value is the formula's."""
    slip = next(slip for slip in SLIPS if slip.name == "not_enlarged")
    slipped = Implementation("not enlarged")

    @slipped.component
    def attention(
        q: np.ndarray, k: np.ndarray, v: np.ndarray, *, keep: np.ndarray | None = None, rate: float = 0.0
    ) -> np.ndarray:
        return impl.functions["attention"](q, k, v, keep=keep, rate=rate) * np.float32(1 - rate)

    case = Case((X, X, X), {"keep": np.tri(4, dtype=bool), "rate": 0.5})
    hasty = experiment(slipped, "attention", hasty=True)
    assert try_case(agreement("attention"), case, hasty).verdict is Verdict.BROKEN
    assert try_case(agreement("attention"), case, replace(hasty, slip=slip)).verdict is Verdict.HELD


def test_a_slip_that_the_bounds_run_through_is_refuted_in_haste() -> None:
    """The scale comes before the algorithm that the bounds know: to refute another one nothing is certified."""
    slip = next(slip for slip in SLIPS if slip.name == "no_scale")
    hasty = replace(experiment(impl, "attention", hasty=True), slip=slip)
    (said,) = hasty.ask(Case((X, X, X))).evidence()
    ((_, truth),) = hasty.truths_at(Case((X, X, X)))
    assert weigh(said, "float32").refuted and truth.value_has_slip
    assert "enclosure" not in vars(truth) and "ball" not in vars(truth)


def test_who_gives_up_for_lack_of_memory_is_not_asked_for_another_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further call may take as long."""
    greedy, calls = Implementation("greedy"), []

    @greedy.component
    def softmax(x: np.ndarray) -> np.ndarray:
        calls.append(x.shape)
        raise MemoryError("no room")

    monkeypatch.setattr(judge.diagnose, "attempts", lambda *_: pytest.fail("diagnosed"))
    record = judge.judge(agreement("softmax"), open_door(greedy, "float32", "cpu"), Budget(0), settled=Settled())
    assert record.verdict is Verdict.CRASHED and "MemoryError" in record.message
    assert len(calls) < 30


@pytest.mark.parametrize("hasty", BOTH)
def test_either_side_of_a_kink_is_honest(hasty: bool) -> None:
    """The bound of a gradient at a kink holds both derivatives, so that haste does not take one for wrong."""
    right = Implementation("from the right")
    right.component(impl.functions["relu"])

    @right.vjp("relu")
    def relu_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
        return (cotangent * (x >= 0),)

    law = next(law for law in LAWS["relu"] if law.name == "gradients_agree_with_the_spec")
    case = Case((np.array([0.0, 1.0, -1.0], np.float32),), extra={"cotangent": np.ones(3, np.float32)})
    assert try_case(law, case, experiment(right, "relu", hasty=hasty)).verdict is Verdict.HELD
