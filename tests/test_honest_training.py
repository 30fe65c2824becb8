"""Honest controls: what the libraries themselves offer for training is not accused, in float32 and float64.

Undeclared where they follow the formula; declared where they do not, and then found out if it is not declared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, laws_of
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import settle
from veriformer.properties.truth import Truths
from veriformer.record import BAD, Record, Verdict

torch = pytest.importorskip("torch")
DTYPES = ("float32", "float64")
QUICK = Budget(examples=5, quick=True)
TRUTHS = Truths()
Named = dict[str, Any]


def judged(implementation: Implementation, component: str, dtype: str, *names: str) -> list[Record]:
    """The verdicts of some laws, or of all, and of the conventions that were found out."""
    door = open_door(implementation, dtype, "cpu")
    settled = settle(door, component, INQUIRIES, fits, TRUTHS)
    assert not settled.broken, settled.broken
    form = implementation.offers[component].form
    laws = [law for law in laws_of(component) if law.form == form and (not names or law.name in names)]
    return [judge(law, door, QUICK, settled=settled, truths=TRUTHS) for law in laws]


def accused(records: list[Record]) -> list[str]:
    """What is said against honest code."""
    return [f"{record.law}: {record.message}; {record.diagnosis}" for record in records if record.verdict in BAD]


def offering(component: str, function: Callable[..., Any], backend: str = "torch", **declared: Any) -> Implementation:
    """An implementation of this component alone."""
    impl = Implementation("honest", backend=backend)
    impl.component(component, **declared)(function)
    return impl


def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """torch.nn.functional.cross_entropy, whose classes are the second axis, and which ignores -100 unless told otherwise."""
    classes = logits.shape[-1]
    if targets.is_floating_point():
        flat, ignored = targets.reshape(-1, classes), -100
    else:
        flat, ignored = targets.reshape(-1), -100 if ignore_index is None else ignore_index
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, classes),
        flat,
        weight=weight,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    return losses.reshape(logits.shape[:-1]) if reduction == "none" else losses


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_cross_entropy(dtype: str) -> None:
    """Values and gradients, undeclared; that the mean over no target is NaN is found out."""
    records = judged(offering("cross_entropy", cross_entropy), "cross_entropy", dtype)
    assert accused(records) == []
    assert records[0].conventions["all_ignored"] == "nan (undeclared)"


def clip_grad_norm_(grads: Named, max_norm: float, *, foreach: bool | None = None) -> Named:
    """torch.nn.utils.clip_grad_norm_, which works in place on the gradients of parameters."""
    parameters = {name: torch.nn.Parameter(g.clone()) for name, g in grads.items()}
    for name, p in parameters.items():
        p.grad = grads[name].clone()
    torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm, foreach=foreach)
    return {name: p.grad for name, p in parameters.items()}


def clip_one_by_one(grads: Named, max_norm: float) -> Named:
    return clip_grad_norm_(grads, max_norm, foreach=False)


def clip_for_each(grads: Named, max_norm: float) -> Named:
    return clip_grad_norm_(grads, max_norm, foreach=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [clip_one_by_one, clip_for_each])
def test_torch_clip_grad_norm(function: Callable[..., Any], dtype: str) -> None:
    """As declared, 1e-6 is added to the norm."""
    impl = offering("clip_by_global_norm", function, under="norm_plus_1e-6")
    assert accused(judged(impl, "clip_by_global_norm", dtype)) == []


def test_torch_clip_grad_norm_undeclared_is_diagnosed() -> None:
    """In float64 a millionth is seen, and called by its name."""
    impl = offering("clip_by_global_norm", clip_one_by_one)
    (record,) = judged(impl, "clip_by_global_norm", "float64", "agrees_with_the_spec")
    assert record.verdict is Verdict.BROKEN
    assert record.diagnosis.endswith("under='norm_plus_1e-6'"), record.diagnosis


def functional(optimizer: Any, **how: bool) -> Callable[..., Any]:
    """A torch optimizer as the functional form asks for it."""
    from tests.controls.torch_optim import stepped

    def update(
        params: Named,
        grads: Named,
        state: Named,
        *,
        lr: float,
        beta_1: float = 0.9,
        beta_2: float = 0.98,
        eps: float = 1e-9,
        weight_decay: float = 0.0,
    ) -> tuple[Named, Named]:
        options = {"lr": lr, "betas": (beta_1, beta_2), "eps": eps, "weight_decay": weight_decay}
        return stepped(optimizer, params, grads, state, {**options, **how})

    return update


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
@pytest.mark.parametrize("component", ["adam", "adamw"])
def test_torch_optimizers_as_functions(component: str, foreach: bool, dtype: str) -> None:
    """From any state, undeclared: torch.optim.Adam and AdamW, one by one and for each."""
    optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[component]
    impl = offering(component, functional(optimizer, foreach=foreach))
    assert accused(judged(impl, component, dtype)) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_fused_agrees_on_gradients_that_lie_as_the_parameters_do(dtype: str) -> None:
    """The defect is in strides alone."""
    impl = offering("adamw", functional(torch.optim.AdamW, fused=True))
    assert accused(judged(impl, "adamw", dtype, "agrees_with_the_spec")) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_optax_losses_and_clipping(dtype: str) -> None:
    """optax.softmax_cross_entropy, its smoothed labels, and clip_by_global_norm, undeclared."""
    optax = pytest.importorskip("optax")

    def of_probabilities(logits: Any, targets: Any, *, label_smoothing: float = 0.0, reduction: str = "mean") -> Any:
        import jax

        if not jax.numpy.issubdtype(targets.dtype, jax.numpy.floating):
            targets = jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
        losses = optax.softmax_cross_entropy(logits, optax.smooth_labels(targets, label_smoothing))
        return losses if reduction == "none" else getattr(losses, reduction)()

    def clipped(grads: Named, max_norm: float) -> Named:
        return optax.clip_by_global_norm(max_norm).update(grads, optax.EmptyState())[0]

    for component, function in (("cross_entropy", of_probabilities), ("clip_by_global_norm", clipped)):
        impl = offering(component, function, "jax")
        assert accused(judged(impl, component, dtype, "agrees_with_the_spec")) == []
