"""A true array of zeros is judged, however much noise floats make of it: the gradient of a key's bias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from veriformer.impls.numpy import impl as honest
from veriformer.impls.numpy.multi_head_attention import multi_head_attention, multi_head_attention_vjp
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS, SUBJECTS
from veriformer.properties.formula import Question
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.judge import judge
from veriformer.properties.menu import Budget
from veriformer.properties.probes import Draw
from veriformer.properties.settle import Settled
from veriformer.properties.truth import Truth
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers.precision import precision_of

LAW = next(law for law in LAWS["multi_head_attention"] if law.name == "gradients_agree_with_the_spec")
BIASED = tuple(row for row in SUBJECTS["multi_head_attention"].rows if row.get("biases"))


def gradients(dtype: str) -> dict[str, Truth]:
    """The truth of every gradient of a multi-head attention with biases, by the name of its leaf."""
    subject = SUBJECTS["multi_head_attention"]
    recipe = Draw(BIASED[1], "normal", 6, dtype, subject.top(dtype), gradients=True)
    case = with_cotangent(subject.draw(recipe), recipe, "multi_head_attention")
    conventions = {"fully_masked": "zero", "causal_alignment": "top_left"}
    component = COMPONENTS["multi_head_attention"]
    cotangent = case.extra["cotangent"]
    question = Question(
        component, case.arguments, case.options, conventions, precision_of(dtype), case.aliases, cotangent
    )
    return {str(path[-1]): truth for path, truth in question.gradients()}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_true_zero_is_known_as_one(dtype: str) -> None:
    found = gradients(dtype)
    assert (found["b_k"].value != 0).any(), "floats make noise of it"
    assert (found["b_k"].scale == 0).all()
    assert found["b_k"].useful.all()
    others = [name for name, truth in found.items() if name != "b_k" and (truth.scale == 0).any()]
    assert others == []


def judged(noise: float) -> Record:
    """The honest gradients, but for noise on the bias of the keys."""

    def vjp(cotangent: np.ndarray, x: np.ndarray, memory: np.ndarray, params: Mapping[str, Any], **options: Any) -> Any:
        d_x, d_memory, d_params = multi_head_attention_vjp(cotangent, x, memory, params, **options)
        noisy = {"b_k": d_params["b_k"] + d_params["b_k"].dtype.type(noise)} if "b_k" in params else {}
        return d_x, d_memory, {**d_params, **noisy}

    impl = Implementation("noisy", backend="numpy")
    impl.component("multi_head_attention", **honest.offers["multi_head_attention"].conventions)(multi_head_attention)
    impl.vjp("multi_head_attention")(vjp)
    settled = Settled(dict(honest.offers["multi_head_attention"].conventions))
    return judge(LAW, open_door(impl, "float32", "cpu"), Budget(5, quick=True), settled=settled)


def test_what_is_not_zero_there_is_refuted() -> None:
    assert judged(0.0).verdict is Verdict.HELD
    record = judged(1e-3)
    assert record.verdict is Verdict.BROKEN
    assert "b_k" in record.message
