"""All implementations meet the same cases, drawn once; where stacks are compiled, relations are asked in one dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from veriformer.impls import jax, numpy
from veriformer.impls.tree import leaves
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.drawn import DRAWN, Drawn
from veriformer.properties.judge import fits, judge
from veriformer.properties.law import Case
from veriformer.properties.menu import Budget, menu
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import Verdict


def content(case: Case | None) -> Any:
    """All that a case is made of, its arrays as bytes."""
    if case is None:
        return None
    parts = (
        case.arguments,
        dict(case.options),
        {name: value for name, value in case.extra.items() if value is not None},
    )
    return [(path, a.tobytes() if isinstance(a, np.ndarray) else repr(a)) for path, a in leaves(parts)]


@pytest.mark.parametrize(
    "component", ["attention", "multi_head_attention", "adam", "cross_entropy", "dropout", "encoder_layer"]
)
def test_no_law_changes_the_case_that_the_next_implementation_meets(component: str) -> None:
    door = open_door(numpy.impl, "float32", "cpu")
    settled, truths, met = settle(door, component, INQUIRIES, fits, Truths()), Truths(), 0
    for law in LAWS[component]:
        judge(law, door, Budget(0, quick=True, sizes=3), settled=settled, truths=truths)
        if DRAWN.law is not law:
            continue  # it was not asked
        for draw, case in DRAWN.known.values():
            assert content(Drawn().of(law, draw)) == content(case), law.name
            met += 1
    assert met > 20


def test_a_stack_that_is_compiled_is_asked_for_relations_in_one_dtype_alone() -> None:
    door = open_door(jax.impl, "bfloat16", "cpu")
    settled, budget = settle(door, "encoder", INQUIRIES, fits, Truths()), Budget().narrowed(2)
    asked = {law.name for law in LAWS["encoder"] if law.in_each_dtype}
    assert {"agrees_with_the_spec", "gradients_agree_with_the_spec", "keeps_the_dtype"} < asked
    law = next(law for law in LAWS["encoder"] if law.name not in asked and law.backends is None)
    record = judge(law, door, budget, settled=settled)
    assert record.verdict is Verdict.ABSENT
    assert "--dtype bfloat16 asks it here" in record.message


def test_agreement_of_what_is_compiled_meets_two_sizes_in_the_dtypes_beside_the_first() -> None:
    door = open_door(jax.impl, "bfloat16", "cpu")
    for component, sizes in (("encoder", 2), ("softmax", 2)):
        offer, settled = door.offers[component], settle(door, component, INQUIRIES, fits, Truths())
        agreement, relation = LAWS[component][:2]
        assert len(menu(agreement, offer, door, Budget().narrowed(2), settled)) == sizes
        assert len(menu(relation, offer, door, Budget().narrowed(2), settled)) == 1
