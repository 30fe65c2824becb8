"""Honest code that follows a convention, or declares one, is accused of nothing where the formula is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from veriformer.impls.discover import Found
from veriformer.impls.protocol import Implementation
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.record import BAD, Record, Verdict

torch = pytest.importorskip("torch")

VALUES, GRADIENTS = "agrees_with_the_spec", "gradients_agree_with_the_spec"


def records(
    component: str,
    function: Callable[..., Any],
    *laws: str,
    dtype: str = "float32",
    quick: bool = True,
    **declared: Any,
) -> dict[str, Record]:
    """Law -> what is said of it."""
    impl = Implementation("honest", backend="torch", dtypes=(dtype,))
    impl.component(component, **declared)(function)
    found = Found("honest", impl, "honest.py")
    suite = Suite([found], Selection((component,), laws), Budget(10, quick=quick))
    return {record.law: record for record in suite.records()}


def accused(told: dict[str, Record]) -> list[str]:
    """What is broken."""
    return [f"{record.law}: {record.message}" for record in told.values() if record.verdict in BAD]


def hidden_by_minus_infinity(q: Any, k: Any, v: Any, *, mask: Any = None) -> Any:
    """nanoGPT: a query that sees nothing has weights of nan, and so have, by IEEE 754, the derivatives by all keys."""
    s = q @ k.mT * q.shape[-1] ** -0.5
    if mask is not None:
        s = s.masked_fill(~mask, -torch.inf)
    return s.softmax(-1) @ v


def softmax_of_minus_infinity(x: Any, *, mask: Any = None) -> Any:
    return (x if mask is None else x.masked_fill(~mask, -torch.inf)).softmax(-1)


@pytest.mark.parametrize("declared", [{}, {"fully_masked": "nan"}], ids=["undeclared", "declared"])
@pytest.mark.parametrize(
    ("component", "function"),
    [("attention", hidden_by_minus_infinity), ("softmax", softmax_of_minus_infinity)],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_where_the_answer_is_nan_so_may_the_gradients_be(
    component: str, function: Callable[..., Any], declared: dict[str, str]
) -> None:
    told = records(component, function, VALUES, GRADIENTS, **declared)
    assert accused(told) == []
    assert told[GRADIENTS].verdict is Verdict.HELD
    assert "nan by convention" in told[GRADIENTS].message


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_loss_in_float32_may_be_one_of_float64_too(dtype: str) -> None:
    """logits.float(), whatever comes in."""

    def cross_entropy(logits: Any, targets: Any) -> Any:
        if targets.is_floating_point():
            raise NotImplementedError("classes alone")
        return torch.nn.functional.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), targets.reshape(-1))

    declared = {"loss_dtype": "float32", "computes_in": "float32"}
    told = records("cross_entropy", cross_entropy, VALUES, "keeps_the_dtype", dtype=dtype, **declared)
    assert accused(told) == []
    assert told["keeps_the_dtype"].verdict is Verdict.HELD, told["keeps_the_dtype"].message


def test_nobody_says_what_0_over_0_is() -> None:
    """eps = 0: at x = 0 torch.nn.functional.normalize answers 0, the formula as it stands nan."""

    def normalised(x: Any, gamma: Any) -> Any:
        return torch.nn.functional.normalize(x, dim=-1) * x.shape[-1] ** 0.5 * gamma

    def as_it_stands(x: Any, gamma: Any) -> Any:
        return x / x.pow(2).mean(-1, keepdim=True).sqrt() * gamma

    for function in (normalised, as_it_stands):
        told = records("rms_norm", function, VALUES, GRADIENTS, quick=False, eps=0.0)
        assert accused(told) == []
        assert "is_drawn_within_range" not in told, "what is drawn is drawn for an eps above 0"
        assert told[VALUES].verdict is Verdict.HELD, told[VALUES].message
