"""Slips of optimizers that no formula shows: in place, by strides, in what is counted and kept; each is found, alone."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.wrong import adam as wrong
from veriformer.impls.numpy.adam import adam
from veriformer.impls.numpy.gradient_descent import gradient_descent
from veriformer.impls.optimizer import Optimizer, as_object
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS, OBJECT_LAWS
from veriformer.properties.judge import judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled
from veriformer.properties.truth import Truths
from veriformer.record import Record, Verdict

Named = dict[str, np.ndarray]
EXAMPLES = Path(__file__).parent.parent / "examples"
HONEST = as_object(adam, np.zeros_like)
AGREES = "agrees_with_the_spec"
ARGUMENTS = "does_not_change_its_arguments"
LAYOUT = "does_not_care_how_its_arguments_lie_in_memory"
IDLE = "idle_steps_are_counted"
MANY = "the_last_of_many_steps_is_the_formulas"
QUICK = Budget(examples=10)
TRUTHS = Truths()


def judged(implementation: Implementation, component: str, law: str, dtype: str = "float32") -> Record:
    """The verdict of one law, by itself."""
    known = OBJECT_LAWS if implementation.offers[component].form == "object" else LAWS
    (one,) = (each for each in known[component] if each.name == law)
    return judge(one, open_door(implementation, dtype, "cpu"), QUICK, settled=Settled(), truths=TRUTHS)


def offering(component: str, build: Callable[..., Any], form: str = "object") -> Implementation:
    """An implementation of this component alone."""
    impl = Implementation("planted")
    impl.component(component, form=form)(build)
    return impl


def broken(record: Record) -> None:
    """The law refutes it, with an example of a few numbers."""
    assert record.verdict is Verdict.BROKEN, f"{record.verdict}: {record.message}"
    assert record.counterexample is not None


def in_place(params: Named, grads: Named, *, lr: float) -> Named:
    """The parameters that were given are moved, and returned."""
    for name, p in params.items():
        p -= lr * grads[name]
    return params


def decayed_in_place(params: Named, grads: Named, state: Any, *, weight_decay: float = 0.0, **options: Any) -> Any:
    """The decay is added into the caller's gradient."""
    for name, g in grads.items():
        g += weight_decay * params[name]
    return adam(params, grads, state, **options)


@pytest.mark.parametrize(
    ("component", "update", "said"),
    [("gradient_descent", in_place, "argument 0["), ("adam", decayed_in_place, "argument 1[")],
)
def test_a_functional_form_that_works_in_place_is_named(component: str, update: Callable[..., Any], said: str) -> None:
    record = judged(offering(component, update, "function"), component, ARGUMENTS)
    broken(record)
    assert said in record.message


class Descent:
    """Gradient descent that moves the parameters it was given, and answers them."""

    def __init__(self, params: Named, *, lr: float) -> None:
        self.params, self.lr = params, lr

    def step(self, grads: Named) -> Named:
        return in_place(self.params, grads, lr=self.lr)


class Greedy(Descent):
    """It takes the gradients for its own, too."""

    def step(self, grads: Named) -> Named:
        for g in grads.values():
            g *= self.lr
        return in_place(self.params, grads, lr=1.0)


@pytest.mark.parametrize("law", [law.name for law in OBJECT_LAWS["gradient_descent"]])
def test_an_object_may_work_in_place(law: str) -> None:
    """Each object has parameters of its own, and each answer is taken when it comes."""
    verdict = judged(offering("gradient_descent", Descent), "gradient_descent", law).verdict
    resumes = law == "resuming_is_not_stopping"
    assert verdict is (Verdict.UNSUPPORTED if resumes else Verdict.HELD)


def test_an_object_may_not_change_the_gradients() -> None:
    record = judged(offering("gradient_descent", Greedy), "gradient_descent", ARGUMENTS)
    broken(record)
    assert "script[0][2]['w']" in record.message


class ByMemory(Optimizer):
    """Pairs parameters and gradients as they lie in memory, not by index."""

    update = staticmethod(gradient_descent)

    def __init__(self, params: Named, *, lr: float) -> None:
        super().__init__({name: p.copy() for name, p in params.items()}, lr=lr)

    def step(self, grads: Named) -> Named:
        return super().step({name: g.ravel(order="K").reshape(g.shape) for name, g in grads.items()})


def test_strided_gradients_paired_wrongly_are_found() -> None:
    impl = offering("gradient_descent", ByMemory)
    broken(judged(impl, "gradient_descent", LAYOUT))
    assert judged(impl, "gradient_descent", AGREES).verdict is Verdict.HELD, "fresh arrays do not show it"


@pytest.mark.parametrize("component", ["adam", "adamw", "gradient_descent"])
def test_torch_fused_optimizers_ignore_the_strides_of_gradients(component: str) -> None:
    """A defect of the installed PyTorch, on the CPU. The same optimizers without fused=True are judged in test_examples."""
    torch = pytest.importorskip("torch")
    fused = Implementation("torch.optim (fused)", backend="torch")
    runpy.run_path(str(EXAMPLES / "torch_optim.py"))["offer"](fused, fused=True)
    p, g = torch.zeros(2, 3, requires_grad=True), torch.arange(6.0).reshape(3, 2).T
    p.grad = g
    torch.optim.SGD([p], lr=1.0, fused=True).step()
    if torch.equal(p.detach(), -g):
        pytest.skip(f"torch {torch.__version__} pairs strided gradients rightly")
    broken(judged(fused, component, LAYOUT))
    assert judged(fused, component, AGREES).verdict is Verdict.HELD, "fresh arrays do not show it"


class Counting(Optimizer):
    """Adam whose count of steps is a number of another type."""

    update = staticmethod(adam)
    zeros_like = staticmethod(np.zeros_like)
    kind: Any = int

    def __init__(self, params: Named, *, lr: float, beta_2: float = 0.98, eps: float = 1e-9) -> None:
        super().__init__(params, lr=lr, beta_2=beta_2, eps=eps)
        self.count = self.kind(0)

    def step(self, grads: Named) -> Named:
        assert self.state is not None
        self.state["step"] = int(self.count)
        self.count = self.kind(self.count + self.kind(1))
        return super().step(grads)


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16, np.uint8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_object_that_counts_in_a_narrow_type_is_found(kind: Any, dtype: str) -> None:
    """It stays at 2048, at 256, or begins again; a few steps do not show it."""
    impl = offering("adam", type("Narrow", (Counting,), {"kind": kind}))
    with np.errstate(over="ignore"):
        broken(judged(impl, "adam", IDLE, dtype))
        assert judged(impl, "adam", AGREES, dtype).verdict is Verdict.HELD


def test_an_object_that_counts_in_bfloat16_is_found_by_300_real_steps() -> None:
    """The worst-case bound of the whole way is small enough to say so."""
    impl = offering("adam", type("Narrow", (Counting,), {"kind": ml_dtypes.bfloat16}))
    broken(judged(impl, "adam", MANY))
    assert judged(offering("adam", Counting), "adam", MANY).verdict is Verdict.HELD


class Kept(HONEST):  # type: ignore[valid-type, misc]
    """Adam that keeps its second moment in bfloat16."""

    def step(self, grads: Named) -> Named:
        answer = super().step(grads)
        assert self.state is not None
        narrow = {name: v.astype(ml_dtypes.bfloat16).astype(v.dtype) for name, v in self.state["v"].items()}
        self.state = {**self.state, "v": narrow}
        return answer


def test_an_object_that_keeps_its_second_moment_in_bfloat16_is_found_and_named() -> None:
    """Its first step is Adam's: it takes a second one to see what was kept."""
    record = judged(offering("adam", Kept), "adam", AGREES)
    broken(record)
    assert record.diagnosis.endswith("(second_moment_in_bfloat16)"), record.diagnosis


class UnderTheRoot(Optimizer):
    """Adam with eps under the root, as an object."""

    update = staticmethod(wrong.agrees_with_the_spec)
    zeros_like = staticmethod(np.zeros_like)

    def __init__(self, params: Named, *, lr: float, eps: float = 1e-9) -> None:
        super().__init__(params, lr=lr, eps=eps)


def test_a_slip_of_the_update_is_named_in_an_object_too() -> None:
    record = judged(offering("adam", UnderTheRoot), "adam", AGREES)
    broken(record)
    assert record.diagnosis.endswith("(eps_under_the_root)"), record.diagnosis
