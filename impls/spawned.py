"""Spawned: a process in which somebody else's code runs, watched from outside: its clock, its memory, what it prints.

Whatever becomes of it is told as data: `Died`. It belongs to nobody's terminal, and is killed with all that it started.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from veriformer.impls import wire
from veriformer.impls.protocol import Raised, Tree
from veriformer.impls.tree import without_addresses

BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); from veriformer.impls.process import main; main()"
BESIDES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONHASHSEED": "0",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""What a process finds in its environment where the user says nothing else: small arrays are not worth a second thread, the
order of a set is the same in every run, and one process does not take all of a GPU's memory."""
UNUSUAL = 20170612
"""The seed of the first random numbers: none that a plug-in would choose, since to choose the same would change nothing."""
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
GIB = 2**30
GLANCE = 0.05
"""Seconds between two looks at the memory of a process that has not answered yet."""
GRACE = 1.0
"""Seconds in which a process that was told to end may say where it was."""
MOST_PRINTED = 2**26
"""Bytes that may be printed during one call."""
LARGEST = 2**30
"""Bytes of the largest answer."""
KEPT = 2**14
"""Of what is printed, the last bytes are kept, to be told when the process dies."""
PIPE = 2**20
FRAMES = 5
"""Of a stack, the innermost frames are told."""
FRAME = re.compile(r'  File ".*", line \d+ in ')


@dataclass(frozen=True)
class Limits:
    """What a call may take: seconds, and bytes of memory that is really in use."""

    timeout: float = 120.0
    memory: int = 8 * GIB


class Died(Exception):
    """The process is no more, or had to be killed, and why."""

    def __init__(self, type: str, message: str, traceback: str = "", *, stopped: bool = False) -> None:
        super().__init__(message)
        self.stopped = stopped
        self.raised = Raised(type, message, fatal=True, traceback=traceback, stopped=stopped)


class Spawned:
    """One process, and the three pipes that lead to it."""

    def __init__(self, limits: Limits, environment: Mapping[str, str]) -> None:
        self.limits = limits
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env={**BESIDES, **os.environ, **environment},
        )
        streams = (self.process.stdin, self.process.stdout, self.process.stderr)
        self.questions, self.answers, self.printed = (stream.fileno() for stream in streams if stream)
        for pipe in (self.questions, self.answers, self.printed):
            os.set_blocking(pipe, False)
            widen(pipe)
        self.tail = b""
        self.printing = True
        self.at_first: int | None = None
        """Bytes of memory in use after the first answer."""
        self.kill = weakref.finalize(self, killed, self.process)

    def exchange(self, question: Tree, timeout: float | None = None) -> Tree:
        """The answer to a question. Raises Died when none comes, and then there is no process any more; Garbled when
        something else comes."""
        answer = Exchange(self, wire.pack(question), timeout or self.limits.timeout).answer()
        if self.at_first is None:
            self.at_first = self.resident()
        return answer

    def ended(self, type: str, message: str, *, stopped: bool = False) -> Died:
        """Kill it, and say why."""
        self.kill()
        return Died(type, message, self.last_words(f"{type}: {message}"), stopped=stopped)

    def stopped(self, type: str, message: str) -> Died:
        """Let it say where it is, and kill it."""
        os.kill(self.process.pid, signal.SIGABRT)  # the fault handler prints the stack
        self.drain(GRACE)
        return self.ended(type, message, stopped=True)

    def gone(self) -> Died:
        """It has closed its pipes: what became of it?"""
        self.drain(GRACE)
        try:
            status = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return self.ended("Garbled", "the process closed the pipe on which answers leave")
        if status >= 0:
            return self.ended("Exited", f"the process ended with exit status {status} in place of answering")
        name, what = signal.Signals(-status).name, signal.strsignal(-status)
        hint = " (out of memory?)" if -status == signal.SIGKILL else ""
        return self.ended(name, f"the process was killed by signal {-status}: {what}{hint}")

    def drain(self, seconds: float) -> None:
        """Read what is still printed, until nobody is left who could print."""
        deadline = time.monotonic() + seconds
        while self.printing and (left := deadline - time.monotonic()) > 0 and self.ready(left, self.printed):
            self.hear()

    def hear(self) -> int:
        """Read a piece of what is printed; how many bytes it was."""
        piece = os.read(self.printed, PIPE)
        self.tail = (self.tail + piece)[-KEPT:]
        self.printing = bool(piece)
        return len(piece)

    def ready(self, seconds: float, *pipes: int) -> list[int]:
        """Those of the pipes from which something can be read; the one for questions, if that can be written to."""
        poll = select.poll()
        for pipe in pipes:
            poll.register(pipe, select.POLLOUT if pipe == self.questions else select.POLLIN)
        return [pipe for pipe, _ in poll.poll(1000 * seconds)]

    def resident(self) -> int:
        """Bytes of memory in use; 0 where that cannot be known."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def grown(self) -> int:
        """Bytes of memory that were taken since the first answer."""
        return self.resident() - (self.at_first or 0)

    def last_words(self, said: str) -> str:
        """Where it was, the way tracebacks are written, from the fault handler's report; else the end of what it printed."""
        lines = without_addresses(self.tail.decode("utf-8", "replace")).splitlines()
        frames = [line for line in lines if FRAME.match(line) and not is_ours(line)][:FRAMES]
        if not frames:
            return "\n".join([*lines[-FRAMES:], said]) if lines else ""
        told = [f"{head}, in {function}" for head, _, function in (frame.rpartition(" in ") for frame in frames)]
        return "\n".join(["Traceback (most recent call last):", *reversed(told), said])


def leave_with_the_parent() -> None:
    """When the parent is killed, even in the middle of an endless loop."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def is_ours(frame: str) -> bool:
    """Is it a frame of the machinery that calls the target?"""
    return f'"{Path(__file__).parent}{os.sep}' in frame or '"<string>"' in frame


def widen(pipe: int) -> None:
    """Room for a whole array, where the system has it."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(PermissionError):  # a user's share of pipes may be used up; it works with small ones
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def killed(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone already, or a mere shadow
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


class Exchange:
    """One question and its answer, with an eye on the clock, the memory and what is printed."""

    def __init__(self, spawned: Spawned, question: bytes, timeout: float) -> None:
        self.spawned = spawned
        self.question = memoryview(question)
        self.received = bytearray()
        self.printed = 0
        self.timeout = timeout

    def answer(self) -> Tree:
        """The answer, when it is there. Raises Died, or Garbled."""
        spawned, started = self.spawned, time.monotonic()
        looked = started
        self.send()
        while True:
            pipes = [spawned.answers]
            pipes += [spawned.printed] if spawned.printing else []
            pipes += [spawned.questions] if self.question else []
            for pipe in spawned.ready(GLANCE, *pipes):
                if pipe == spawned.printed:
                    self.listen()
                elif pipe == spawned.questions:
                    self.send()
                elif self.receive():
                    return wire.unpack(self.received)
            now = time.monotonic()
            if now - looked > GLANCE:
                looked = now
                self.look(now - started)

    def send(self) -> None:
        """As much of the question as fits."""
        try:
            self.question = self.question[os.write(self.spawned.questions, self.question) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise self.spawned.gone() from None

    def receive(self) -> bool:
        """A piece of the answer; is it whole?"""
        piece = os.read(self.spawned.answers, PIPE)
        if not piece:
            raise self.spawned.gone()
        self.received += piece
        if len(self.received) < wire.HEAD.size:
            return False
        wanted = wire.HEAD.size + wire.length(self.received)
        if wanted > LARGEST:
            raise self.spawned.ended("AnswerTooLarge", f"the answer has {wanted} bytes; at most {LARGEST} are read")
        return len(self.received) >= wanted

    def listen(self) -> None:
        """Read what is printed, and drop it; there is an end to that too."""
        self.printed += self.spawned.hear()
        if self.printed > MOST_PRINTED:
            raise self.spawned.stopped("PrintedTooMuch", f"more than {MOST_PRINTED >> 20} MiB were printed in one call")

    def look(self, elapsed: float) -> None:
        """Has it taken too long, or too much?"""
        limits = self.spawned.limits
        if elapsed > self.timeout:
            raise self.spawned.stopped("TimedOut", f"no answer within {self.timeout:g} s")
        if self.spawned.resident() > limits.memory:
            raise self.spawned.stopped("MemoryExceeded", f"more than {limits.memory / GIB:g} GiB of memory in use")
