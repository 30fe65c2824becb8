"""In half types honest losses and dropouts are not accused, and a library's loss that overflows is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import settle
from veriformer.record import BAD, Record, Verdict

torch = pytest.importorskip("torch")
HALF = ("bfloat16", "float16")


def verdicts(function: Callable[..., Any], component: str, dtype: str, *laws: str, **conventions: Any) -> list[Record]:
    """What a function, offered in half types, is told; by all laws if none are named."""
    impl = Implementation("in half", backend="torch", dtypes=HALF)
    impl.component(component, **conventions)(function)
    door = open_door(impl, dtype, "cpu")
    settled = settle(door, component, INQUIRIES, fits)
    chosen = [law for law in LAWS[component] if law.name in laws or not laws]
    return [judge(law, door, Budget(examples=0, quick=not laws), settled=settled) for law in chosen]


def library_dropout(x: Any, rate: float, seed: int, *, training: bool = True) -> Any:
    """torch.nn.functional.dropout draws from the global generator: seeded, and put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.functional.dropout(x, rate, training)


def library_loss(
    logits: Any, targets: Any, *, label_smoothing: float = 0.0, ignore_index: int | None = None, weight: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """torch.nn.functional.cross_entropy, on rows."""
    rows = logits.reshape(-1, logits.shape[-1])
    wanted = targets.reshape(rows.shape) if targets.is_floating_point() else targets.reshape(-1)
    more = {} if ignore_index is None else {"ignore_index": ignore_index}
    loss = torch.nn.functional.cross_entropy(
        rows, wanted, weight=weight, reduction=reduction, label_smoothing=label_smoothing, **more
    )
    return loss.reshape(logits.shape[:-1]) if reduction == "none" else loss


def in_float32(
    logits: Any, targets: Any, *, label_smoothing: float = 0.0, ignore_index: int | None = None, reduction: str = "mean"
) -> Any:
    """The loss of logits that are cast first, as it comes."""
    wanted = targets.float() if targets.is_floating_point() else targets
    return library_loss(
        logits.float(), wanted, label_smoothing=label_smoothing, ignore_index=ignore_index, reduction=reduction
    )


@pytest.mark.parametrize("dtype", HALF)
def test_the_library_s_dropout_is_not_accused(dtype: str) -> None:
    assert [r.law for r in verdicts(library_dropout, "dropout", dtype) if r.verdict in BAD] == []


def test_smoothed_cross_entropy_overflows_in_float16() -> None:
    """PyTorch 2.13 on CPU adds up the logarithms of all classes before it divides: infinity, where the loss is 13,000."""
    (record,) = verdicts(library_loss, "cross_entropy", "float16", "agrees_with_the_spec")
    assert (record.verdict, record.counterexample is not None) == (Verdict.BROKEN, True), record.message
    assert record.worst_ratio == float("inf")


@pytest.mark.parametrize(("declared", "wanted"), [("float32", Verdict.HELD), ("input", Verdict.BROKEN)])
def test_a_loss_in_float32_is_to_be_declared(declared: str, wanted: Verdict) -> None:
    laws = ("keeps_the_dtype", "the_gradient_is_softmax_minus_target")
    dtype, gradient = verdicts(in_float32, "cross_entropy", "bfloat16", *laws, loss_dtype=declared)
    assert (dtype.verdict, gradient.verdict) == (wanted, Verdict.HELD), dtype.message + gradient.message
