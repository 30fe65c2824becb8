"""The laws of circumstances, where what goes wrong is an exception and no number."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from veriformer import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS
from veriformer.properties.judge import judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict

LAW = next(law for law in LAWS["relu"] if law.name == "answers_several_threads_at_once")


def asked_of(function: Any) -> Record:
    """What the law of threads says of a ReLU."""
    implementation = Implementation("mine")
    implementation.component("relu")(function)
    return judge(LAW, open_door(implementation, "float32", "cpu"), Budget(examples=2), settled=Settled())


def test_who_raises_only_among_threads_breaks_the_law() -> None:
    """Alone it answers: so it is no crash, and the counterexample is one."""
    busy = threading.Lock()

    def relu(x: Any) -> Any:
        if not busy.acquire(blocking=False):
            raise RuntimeError("one call at a time, please")
        time.sleep(1e-3)
        busy.release()
        return x.clip(0)

    record = asked_of(relu)
    assert record.verdict is Verdict.BROKEN
    assert "raised RuntimeError: one call at a time, please" in record.message
    assert "the answer when asked alone" in record.message


@pytest.mark.parametrize("error", [NotImplementedError, ValueError])
def test_who_raises_alone_too_is_not_accused_of_threads(error: type[Exception]) -> None:
    def relu(x: Any) -> Any:
        raise error("never")

    assert asked_of(relu).verdict is (Verdict.UNSUPPORTED if error is NotImplementedError else Verdict.CRASHED)
