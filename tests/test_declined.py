"""A size that is declined is asked for twice, and the law is judged on the others: of four axes alone, say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from veriformer import Implementation
from veriformer.impls.numpy.attention import attention as honest
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled, settle
from veriformer.record import Record, Verdict

LAW = next(law for law in LAWS["attention"] if law.name == "agrees_with_the_spec")
Array = np.ndarray


def judged(attention: Any, budget: Budget | None = None) -> Record:
    """Under the law of agreement."""
    impl = Implementation("mine")
    impl.component(attention)
    return judge(LAW, open_door(impl, "float32", "cpu"), budget or Budget(20), settled=Settled())


def test_who_takes_few_sizes_alone_holds_on_them() -> None:
    asked: Counter[tuple[int, ...]] = Counter()

    def attention(q: Array, k: Array, v: Array) -> Array:
        if q.ndim != 4 or k.shape[-3] != q.shape[-3]:
            asked[q.shape] += 1
            raise NotImplementedError("four axes, and as many heads")
        return honest(q, k, v)

    record = judged(attention)
    assert record.verdict is Verdict.HELD
    assert record.judged > 100
    assert max(asked.values()) <= 6  # some sizes differ in options alone, that are not taken here
    assert "four axes" in record.message


def test_who_declines_everything_is_unsupported() -> None:
    def attention(q: Array, k: Array, v: Array) -> Array:
        raise NotImplementedError("not yet")

    record = judged(attention)
    assert record.verdict is Verdict.UNSUPPORTED
    assert record.judged == 0


def test_who_declines_now_and_then_is_asked_on() -> None:
    """What depends on the numbers is not a size."""
    calls = iter(range(10_000))

    def attention(q: Array, k: Array, v: Array) -> Array:
        if next(calls) % 3 == 0:
            raise NotImplementedError("busy")
        return honest(q, k, v)

    record = judged(attention, Budget(0))
    assert record.verdict is Verdict.HELD
    assert record.judged > 150
    assert record.unsupported > 50


@pytest.mark.parametrize("why", ["", "as many queries as keys"])
def test_who_declines_a_question_about_a_convention_is_not_accused_of_an_answer(why: str) -> None:
    """With words or without: `raise NotImplementedError` is a decline too."""
    impl = Implementation("mine")

    @impl.component
    def attention(q: Array, k: Array, v: Array, *, causal: bool = False) -> Array:
        if causal and q.shape[-2] != k.shape[-2]:
            raise NotImplementedError(*[why] if why else [])
        return honest(q, k, v, causal=causal)

    settled = settle(open_door(impl, "float32", "cpu"), "attention", INQUIRIES, fits)
    assert not settled.broken
    assert settled.open["causal_alignment"] == (why or "NotImplementedError")
