"""What dropout, attention's dropout and a step of training refuse: a clear error, from the spec and from all of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from veriformer.impls.numpy import impl
from veriformer.impls.protocol import Call
from veriformer.impls.tree import rebuild
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS, SUBJECTS
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import NOT_SHOWN
from veriformer.properties.judge import try_case
from veriformer.properties.law import Case
from veriformer.properties.probes import Draw
from veriformer.properties.truth import Truths
from veriformer.record import Verdict
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

X = np.ones((2, 3, 4))
KEEP = np.ones((2, 3, 4), bool)
NOTHING = np.zeros((0, 2), int)
SCORES = np.ones((2, 3, 3), bool)


def step(**changes: Any) -> Case:
    """A step of training, something in its batch or its options changed."""
    subject = SUBJECTS["training_step"]
    case = subject.draw(Draw(subject.rows[0], "normal", 1, "float64", subject.top("float64")))
    params, state, batch = case.arguments
    options = {name: value for name, value in changes.items() if name not in batch}
    batch = {**batch, **{name: value for name, value in changes.items() if name in batch}}
    return Case((params, state, batch), {**case.options, **options})


def masked(**masks: Any) -> Any:
    """Masks of a dropout of the sums."""
    return {"embedding": masks}


REFUSED: dict[str, tuple[str, Case, str]] = {
    "rate above 1": ("dropout", Case((X, 1.5, 0)), "rate"),
    "rate below 0": ("dropout", Case((X, -0.1, 0)), "rate"),
    "rate nan": ("dropout", Case((X, float("nan"), 0)), "rate"),
    "seed a fraction": ("dropout", Case((X, 0.5, 1.5)), "seed"),
    "seed a float": ("dropout", Case((X, 0.5, 3.0)), "seed"),
    "seed negative": ("dropout", Case((X, 0.5, -1)), "seed"),
    "seed a word": ("dropout", Case((X, 0.5, "seven")), "seed"),
    "rate above 1, mask given": ("apply_dropout", Case((X, KEEP, 1.5)), "rate"),
    "rate nan, mask given": ("apply_dropout", Case((X, KEEP, float("nan"))), "rate"),
    "mask of another shape": ("apply_dropout", Case((X, KEEP[..., :1], 0.5)), "keep"),
    "mask of numbers": ("apply_dropout", Case((X, KEEP.astype(float), 0.5)), "keep"),
    "one mask for all heads": ("attention", Case((X, X, X), {"keep": SCORES[:1], "rate": 0.5}), "keep"),
    "mask of the values' shape": ("attention", Case((X, X, X), {"keep": KEEP, "rate": 0.5}), "keep"),
    "attention's rate above 1": ("attention", Case((X, X, X), {"keep": SCORES, "rate": 2.0}), "rate"),
    "attention's rate nan": ("attention", Case((X, X, X), {"keep": SCORES, "rate": float("nan")}), "rate"),
    "empty batch": ("training_step", step(target_out=np.full((2, 2), -100)), "the batch is empty"),
    "no example": ("training_step", step(target_in=NOTHING, target_out=NOTHING), "the batch is empty"),
    "another width": ("training_step", step(d_model=5), "d_model"),
    "target out of range": ("training_step", step(target_out=np.full((2, 2), 99)), "targets"),
    "a misspelt mask": ("training_step", step(keep={"encodr": {}}), "encodr"),
    "a mask of another shape": ("training_step", step(keep=masked(source=np.ones((2, 3, 5), bool))), "keep"),
    "no warm-up": ("training_step", step(warmup=0), "warmup"),
    "a threshold of 0": ("training_step", step(max_norm=0.0), "max_norm"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_spec_refuses(what: str) -> None:
    component, case, said = REFUSED[what]
    with pytest.raises(ValueError, match=said):
        COMPONENTS[component](*case.arguments, **case.options)


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("what", REFUSED)
def test_ours_refuse(what: str, framework: str) -> None:
    """With a message that names what was wrong."""
    component, case, said = REFUSED[what]
    ours = pytest.importorskip(f"veriformer.impls.{framework}").impl
    narrow = rebuild((case.arguments, dict(case.options)), lambda _, leaf: narrowed(leaf))
    reply = open_door(ours, "float32", "cpu").ask(Call(component, *narrow))
    assert reply.raised is not None, "it answered"
    assert (reply.raised.type, said in reply.raised.message) == ("ValueError", True), reply.raised.message


def narrowed(leaf: Any) -> Any:
    """A floating array in float32."""
    return leaf.astype(np.float32) if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f" else leaf


def test_no_gradient_is_judged_where_the_answer_does_not_show_what_was_dropped() -> None:
    """Of an x of 0 the same comes out, kept or dropped, and yet its derivative does not."""
    law = next(law for law in LAWS["dropout"] if law.name == "gradients_agree_with_the_spec")
    door = open_door(impl, "float32", "cpu")
    experiment = Experiment(door, COMPONENTS["dropout"], {}, precision_of("float32"), Truths())
    ones = np.ones(40, np.float32)
    told = {
        number: try_case(law, Case((ones * number, 0.5, 1), extra={"cotangent": ones}), experiment) for number in (0, 1)
    }
    assert (told[0].verdict, told[0].reason) == (Verdict.UNSUPPORTED, NOT_SHOWN)
    assert told[1].verdict is Verdict.HELD
