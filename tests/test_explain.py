"""A bound can be taken apart: what remains of it with one term switched off."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from veriformer.impls.numpy import impl as honest
from veriformer.impls.protocol import Implementation, Misuse
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.explain import Explained, explained
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import settle
from veriformer.record import Record, Verdict
from veriformer.run import explained as page
from veriformer.spec.numbers import Bounded
from veriformer.spec.numbers.precision import TERMS, Precision, precision_of, without


def judged(component: str, dtype: str, law: str = "agrees_with_the_spec", impl: Implementation = honest) -> Record:
    """The record of one law."""
    door = open_door(impl, dtype, "cpu")
    chosen = next(one for one in LAWS[component] if one.name == law)
    return judge(chosen, door, Budget(3, quick=True), settled=settle(door, component, INQUIRIES, fits))


def shares(found: Explained) -> dict[str, float]:
    """Term -> by which share the bound is smaller without it."""
    return {term: max(1 - left / found.bound, 0.0) for term, left in found.left.items()}


@pytest.mark.parametrize(
    ("component", "dtype", "law", "largest"),
    [
        ("residual", "float32", "agrees_with_the_spec", "rounding"),
        ("layer_norm", "bfloat16", "agrees_with_the_spec", "results"),
    ],
)
def test_the_largest_term_is_the_one_that_it_must_be(component: str, dtype: str, law: str, largest: str) -> None:
    found = explained(judged(component, dtype, law))
    told = shares(found)
    assert max(told, key=lambda term: told[term]) == largest
    assert told[largest] > 0.4
    assert any(TERMS[largest] in line for line in found.lines())


def test_the_bound_is_the_one_that_was_judged() -> None:
    """The worst case is drawn again from its recipe: the share that the record tells is of this very bound."""
    record = judged("softmax", "float32")
    found = explained(record)
    assert record.worst_case is not None
    assert found.index == tuple(record.worst_case["index"])
    assert 0 < found.bound < 1e-5
    assert set(found.left) == set(TERMS)


def test_a_counterexample_is_explained_too() -> None:
    impl = Implementation("wrong", backend="numpy")
    impl.component("softmax")(lambda x, *, mask=None: honest.functions["softmax"](x, mask=mask) * np.float32(1.001))
    record = judged("softmax", "float32", impl=impl)
    assert record.verdict is Verdict.BROKEN
    assert record.counterexample is not None
    assert explained(record).index == tuple(record.counterexample["index"])


def test_what_relates_several_answers_has_no_bound_of_its_own() -> None:
    record = dataclasses.replace(judged("softmax", "float32"), law="rows_sum_to_one")
    with pytest.raises(ValueError, match="relates several answers"):
        explained(record)
    with pytest.raises(Misuse, match="nothing to explain"):
        page("softmax", [record])
    with pytest.raises(Misuse, match="no component"):
        page("softmaxx", [record])


def test_library_functions_are_switched_off_alone() -> None:
    """exp of 1: six half ulps in float32, none without them; and they stay what they are where nothing else is rounded."""
    precision = precision_of("float32")

    def error(term: str | None) -> float:
        if term is None:
            return float(np.exp(Bounded.given(np.float32(1), precision)).error)
        with without(term, precision) as changed:
            return float(np.exp(Bounded.given(np.float32(1), changed)).error)

    whole = error(None)
    assert error("functions") == 0
    assert error("rounding") == whole
    assert error("sums") == whole
    with pytest.raises(ValueError, match="no term"):
        error("luck")


@pytest.mark.parametrize(("dtype", "largest"), [("float32", "sums"), ("bfloat16", "factors")])
def test_what_makes_the_bound_of_a_matrix_product(dtype: str, largest: str) -> None:
    """64 products: in float32 it is their sum, under `layer` their factors, which may be rounded to the half type first."""
    precision = precision_of(dtype, "layer")
    x, y, w = np.random.default_rng(0).integers(-8, 9, (3, 64, 64)).astype(np.float64)

    def error(under: Precision) -> float:
        return float(((Bounded.given(x, under) * Bounded.given(y, under)) @ Bounded.given(w, under)).error.max())

    left = {}
    for term in TERMS:
        with without(term, precision) as changed:
            left[term] = error(changed)
    assert min(left, key=lambda term: left[term]) == largest
    assert left[largest] * 2 < error(precision)


def test_the_command_says_what_a_bound_is_made_of(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from veriformer.cli import app
    from veriformer.record import write

    path = tmp_path / "records.jsonl"
    write(path, [judged("residual", "float32")])
    result = CliRunner().invoke(app, ["spec", "residual", "--explain", str(path)])
    assert result.exit_code == 0
    assert TERMS["rounding"] in result.output
