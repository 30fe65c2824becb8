"""Slips made by rule: what is made, what is chosen, how it is planted, and that one which survives is a failure."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

import pytest

from tests.mutants.chosen import WANTED, Mutant, chosen, possible
from tests.mutants.equivalents import EQUIVALENT
from tests.mutants.mutate import KINDS, Mutation, mutations
from tests.mutants.planted import PRIVATE, planted, source
from tests.mutants.reach import judged_in
from tests.power import mutants
from veriformer.properties.truth import Truths

SOURCE = '''
"""The docstring says 1 + 1."""
from numpy import inf

def f(x: int | None, *, eps: float = 0.5) -> float:
    """Another - 1."""
    domain.positive(eps=eps + 1)
    if x < 0:
        raise ValueError(x + 1)
    return np.sum(-x * eps, axis=-1, keepdims=True) if not f(x) else np.where(x, 2, -np.inf)
'''
MADE = {
    "operator": "f: -x * eps -> -x / eps",
    "sign": "f: -x * eps -> x * eps",
    "comparison": "f: x < 0 -> x <= 0",
    "condition": "f: not f(x) -> f(x)",
    "axis": "f: np.sum(-x * eps, axis=-1, keepdims=True) -> np.sum(-x * eps, axis=-2, keepdims=True)",
    "constant": "f: eps=0.5 -> eps=1.0",
    "keepdims": "f: np.sum(-x * eps, axis=-1, keepdims=True) -> np.sum(-x * eps, axis=-1, keepdims=False)",
    "function": "f: np.sum(-x * eps, axis=-1, keepdims=True) -> np.mean(-x * eps, axis=-1, keepdims=True)",
    "branches": "f: np.where(x, 2, -np.inf) -> np.where(x, -np.inf, 2)",
    "dropped term": "f: -x * eps -> -x",
    "dropped keyword": "f: np.sum(-x * eps, axis=-1, keepdims=True) -> np.sum(-x * eps, keepdims=True)",
}


def test_every_kind_is_made_and_what_computes_nothing_is_left_alone() -> None:
    made = list(mutations(SOURCE))
    assert set(MADE.items()) <= {(one.kind, one.key) for one in made}
    assert set(MADE) == set(KINDS)
    assert [one.key for one in made if "1" in one.before and "-1" not in one.before] == []


@pytest.mark.parametrize("framework", WANTED)
def test_each_is_another_program_with_a_name_of_its_own(framework: str) -> None:
    every = possible(framework)
    assert len({one.name for one in every}) == len(every)
    assert len({(one.component, one.mutation.text) for one in every}) == len(every)
    for one in every:
        compile(one.mutation.text, one.name, "exec")


@pytest.mark.parametrize("framework", WANTED)
def test_they_are_spread_over_components_and_kinds(framework: str) -> None:
    taken = chosen(framework)
    assert len(taken) == len(set(taken)) == WANTED[framework]
    assert WANTED["numpy"] >= 200 and WANTED["torch"] >= 60 and WANTED["jax"] >= 20
    per_component = Counter(one.component for one in taken)
    assert max(per_component.values()) <= 10
    assert len(per_component) >= min(len({one.component for one in possible(framework)}), WANTED[framework])
    assert framework == "jax" or {one.mutation.kind for one in taken} == set(KINDS)


def test_reasons_belong_to_slips_that_are_planted() -> None:
    names = {one.name for framework in WANTED for one in chosen(framework)}
    assert set(EQUIVALENT) <= names
    assert [name for name, why in EQUIVALENT.items() if len(why) < 20] == []


def test_a_helper_is_judged_where_it_is_used() -> None:
    assert judged_in("numpy", "softmax", "softmax_vjp") == ("softmax",)
    assert judged_in("numpy", "apply_dropout", "thinned")[0] == "attention"
    assert judged_in("numpy", "cached_attention", "Buffer.append") == ("cached_attention",)


def test_a_copy_without_a_slip_is_not_accused_and_leaves_nothing_behind() -> None:
    before = list(sys.meta_path)
    with planted("numpy", "relu", source("numpy", "relu")) as ours:
        assert ours.functions["relu"].__module__.startswith(PRIVATE)
        row = mutants.judge(ours, ("relu",), Truths(), True)
    assert (row["found"], row["examples_of_all_laws"] > 100) == (False, True)
    assert sys.meta_path == before
    assert [name for name in sys.modules if name.startswith(PRIVATE)] == []


def test_one_that_cannot_be_imported_is_found() -> None:
    mutant = Mutant("numpy", "relu", Mutation("constant", "", "1", "0", 1, "1 / 0"))
    row = mutants.judge_mutant(mutant, Truths())
    assert row["found"] and "ZeroDivisionError" in row["law"]
    assert sys.meta_path[0] is not None and PRIVATE not in sys.modules


def test_one_that_survives_is_a_failure_unless_there_is_a_reason() -> None:
    one = replace(chosen("numpy")[0], mutation=Mutation("sign", "relu", "x", "x", 1, source("numpy", "relu")))
    survivor = mutants.judge_mutant(replace(one, component="relu"), Truths(), quick=True)
    assert not survivor["found"]
    assert list(mutants.failures([survivor], True)) != []
    assert list(mutants.failures([{**survivor, "equivalent": "nothing is changed"}], True)) == []
    assert list(mutants.failures([{**survivor, "found": True, "equivalent": "nothing is changed"}], True)) != []
    assert "NOT FOUND" in mutants.drawn([survivor])
