"""A kernel that has lost its device is told from one that raised; its process answers no further call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import veriformer.impls.numpy as numpy_backend
from veriformer.impls.discover import Place
from veriformer.impls.door import Behind, DoorOfProcess, Worker
from veriformer.impls.protocol import Call, Implementation, Raised, Reply
from veriformer.impls.spawned import Limits
from veriformer.impls.worker import OpenDoor

ONES = np.ones(2, np.float32)
CALL = Call("residual", (ONES, ONES))


class Device:
    """NumPy, as if it computed on a device that can be lost."""

    def __init__(self) -> None:
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy_backend, name)

    def move_in(self, array: np.ndarray, device: str) -> np.ndarray:
        if self.lost:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return numpy_backend.move_in(array, device)

    def move_out(self, native: np.ndarray) -> np.ndarray:
        return self.move_in(native, "cuda")


def reply_of(*, loses: bool) -> Reply:
    """What a door says of a function that raises, and may lose the device."""
    device, impl = Device(), Implementation("kernel", devices=("cuda",))

    @impl.component
    def residual(x: np.ndarray, sublayer_output: np.ndarray) -> np.ndarray:
        device.lost = loses
        raise NotImplementedError("illegal memory access")

    return OpenDoor(impl, device, "float32", "cuda").ask(CALL)


def test_an_exception_is_an_answer() -> None:
    raised = reply_of(loses=False).raised
    assert raised is not None
    assert (raised.type, raised.declined, raised.fatal) == ("NotImplementedError", True, False)


def test_an_exception_after_which_the_device_is_silent_is_fatal() -> None:
    raised = reply_of(loses=True).raised
    assert raised is not None
    assert (raised.type, raised.declined, raised.fatal) == ("NotImplementedError", False, True)


class Told(Worker):
    """A worker that answers what it was told to."""

    closed = 0

    def ask(self, question: Any, read: Any) -> Any:
        return Reply(raised=Raised("RuntimeError", "CUDA error", fatal=True))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def worker() -> Told:
    return Told(Place("kernel.py"), Limits(), x64=False)


def test_the_process_is_ended_and_the_call_not_made_again(worker: Told) -> None:
    found = Behind("kernel.py", Implementation("kernel"))
    door = DoorOfProcess(found, "float32", "cuda", worker)
    for _ in range(2):
        raised = door.ask(CALL).raised
        assert raised is not None
        assert raised.fatal
    assert worker.closed == 1
    door.close()
    assert worker.closed == 2  # it serves no other door
