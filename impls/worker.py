"""The room behind the door: one implementation, one dtype, one device; calls come in and replies go out as NumPy."""

from __future__ import annotations

import contextlib
import functools
import importlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np

from veriformer.impls.answer import bytes_of, digest_of, not_arrays, raised_by, to_numpy, with_aliases_added
from veriformer.impls.moved import Moved
from veriformer.impls.protocol import Backend, Call, Implementation, Misuse, Offer, Path, Raised, Reply, Tree
from veriformer.impls.script import play
from veriformer.impls.threads import at_once
from veriformer.impls.tree import leaves, rebuild
from veriformer.impls.world import EVERYWHERE, Watched, World


def open_door(implementation: Implementation, dtype: str, device: str) -> OpenDoor:
    """A door to an implementation, in this process. Raises Misuse when its framework is not installed."""
    return OpenDoor(implementation, backend_of(implementation), dtype, device)


def backend_of(implementation: Implementation) -> Backend:
    """The framework of an implementation, imported now."""
    try:
        module: Any = importlib.import_module(f"veriformer.impls.{implementation.backend}")
    except ImportError as error:
        raise Misuse(
            f"{implementation.name} needs {implementation.backend}, which cannot be imported: {error}"
        ) from error
    return module


class OpenDoor:
    """A door in this process; see `protocol.Door`."""

    def __init__(self, implementation: Implementation, backend: Backend, dtype: str, device: str) -> None:
        self.implementation = implementation
        self.framework = backend
        self.dtype = dtype
        self.device = device
        with self.prepared():
            self.world: World = backend.plain(World, ({**EVERYWHERE, **backend.settings()},), {})

    @property
    def name(self) -> str:
        return self.implementation.name

    @property
    def backend(self) -> str:
        return self.implementation.backend

    @property
    def offers(self) -> Mapping[str, Offer]:
        return self.implementation.offers

    def begin(self, seed: int) -> None:
        """The generators of this process are everybody's."""

    @property
    def switches(self) -> Mapping[str, str | int]:
        """What the framework may round inside a product, and whether it flushes: read anew, since a switch may be turned."""
        with self.framework.arithmetic(self.dtype):
            return {**self.framework.switches(self.dtype, self.device), "flushes": self.flushes}

    @cached_property
    def flushes(self) -> bool:
        """Is half of the smallest normal number 0? A product is made and looked at, bit by bit."""
        info = ml_dtypes.finfo(self.dtype)
        smallest = np.full(16, info.smallest_normal)
        tiny, half = (self.framework.move_in(array, self.device) for array in (smallest, np.full_like(smallest, 0.5)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return not any(self.framework.move_out(tiny * half).tobytes())

    def forget(self) -> bool:
        """This process remembers what it remembers."""
        return False

    def close(self) -> None:
        """Nothing is held open in this process."""

    def ask(self, call: Call) -> Reply:
        """Answer one call. An exception of the implementation is an answer; its warnings are its own."""
        with self.prepared():
            kept = [self.attempt(earlier)[0] for earlier in call.before]
            kept_bytes = [bytes_of(self.framework, result) for result in kept]
            try:
                moved = Moved(self.framework, call, self.device)
            except Exception as error:  # noqa: BLE001  (a layout or dtype that the framework cannot hold)
                return Reply(raised=replace(raised_by(error), declined=True))
            started = time.perf_counter()
            outputs, raised = self.attempt(call, moved)
            seconds = time.perf_counter() - started
            if raised:
                changed = () if raised.fatal else moved.changed(self.framework)
                return Reply(raised=raised, changed_arguments=changed, seconds=seconds)
            first = next((leaf for _, leaf in leaves(outputs) if self.framework.is_native(leaf)), None)
            with_grad, gradients = None, None
            if call.cotangent is not None:
                with_grad, gradients, raised = self.differentiate(call, moved)
                if raised and raised.fatal:
                    return Reply(raised=raised, seconds=seconds)
            others: tuple[Tree, ...] = ()
            if call.threads > 1:
                others, raised = self.ask_threads(call, to_numpy(self.framework, outputs))
            return Reply(
                outputs=None if raised else to_numpy(self.framework, outputs),
                raised=raised,
                outputs_with_grad=None if raised else to_numpy(self.framework, with_grad),
                gradients=None if raised else to_numpy(self.framework, gradients),
                changed_arguments=moved.changed(self.framework),
                world_changed=self.world_changed(call) if call.watched and not raised else (),
                kept_changed=kept_bytes != [bytes_of(self.framework, result) for result in kept],
                others=others,
                dtype="" if first is None else self.framework.dtype_of(first),
                device="" if first is None else self.framework.device_of(first),
                seconds=seconds,
            )

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """The settings under which every call is made."""
        with self.framework.arithmetic(self.dtype), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    def prepare(self, call: Call) -> Callable[[], None]:
        """A function that runs the call on arrays already moved in, and waits for the device."""
        with self.framework.arithmetic(self.dtype):
            moved = Moved(self.framework, call, self.device)
        function = self.function(call, moved)

        def run() -> None:
            with self.framework.arithmetic(self.dtype):
                self.framework.wait(self.framework.plain(function, moved.arguments, moved.options))

        return run

    def ask_threads(self, call: Call, alone: Tree) -> tuple[tuple[Tree, ...], Raised | None]:
        """What several threads are answered that is not what one alone was, and what the first of them raised that did."""

        def work() -> tuple[Tree, Raised | None]:
            with self.framework.arithmetic(self.dtype):  # a mode may belong to its thread
                for earlier in call.before:
                    self.attempt(earlier)
                outputs, raised = self.attempt(call)
                return to_numpy(self.framework, outputs), raised

        answers = at_once(call.threads, work)
        different = {digest_of(outputs): outputs for outputs, raised in answers if raised is None}
        different.pop(digest_of(alone), None)
        return tuple(different.values()), next((raised for _, raised in answers if raised is not None), None)

    def attempt(
        self, call: Call, moved: Moved | None = None, function: Callable[..., Any] | None = None
    ) -> tuple[Tree, Raised | None]:
        """The native outputs, or what was raised."""
        moved = moved or Moved(self.framework, call, self.device)
        try:
            outputs = self.framework.plain(function or self.function(call, moved), moved.arguments, moved.options)
            self.framework.wait(outputs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (whatever a plug-in raises is its answer, SystemExit too)
            return None, self.raised(error)
        return outputs, self.not_an_answer(call, outputs, moved)

    def raised(self, error: BaseException) -> Raised:
        """An exception of a call as data; fatal, if the device answers nothing after it: what a kernel does outside its memory
        is held against the whole process."""
        said = raised_by(error)
        return said if self.device == "cpu" or self.device_answers() else replace(said, declined=False, fatal=True)

    def device_answers(self) -> bool:
        """Does the device still take a number and give it back?"""
        try:
            return not self.framework.move_out(self.framework.move_in(np.zeros(1, np.float32), self.device)).any()
        except Exception:  # noqa: BLE001  (each framework has its own word for a device that is lost)
            return False

    def world_changed(self, call: Call) -> tuple[str, ...]:
        """What each of a few more calls changes of the world."""
        watched = Watched(self.world)
        while watched.suspicious:
            moved = Moved(self.framework, call, self.device)
            self.attempt(call, moved, functools.partial(watched.call, self.function(call, moved)))
        return watched.changed

    def function(self, call: Call, moved: Moved) -> Callable[..., Any]:
        """What is offered, as a function: a class is driven by the call's script."""
        offered = self.implementation.functions[call.component]
        if self.offers[call.component].form == "function":
            return offered
        if call.in_place:
            return lambda *arguments, **options: self.played_in_place(offered, call, moved, arguments, options)
        return lambda *arguments, **options: play(lambda: offered(*arguments, **options), moved.script)

    def played_in_place(
        self, offered: Callable[..., Any], call: Call, moved: Moved, arguments: tuple[Tree, ...], options: Any
    ) -> Tree:
        """A script of objects that may overwrite what they are built from: what one does, no other sees."""
        untouched = iter([arguments])

        def build(*other: Tree) -> Any:
            own = next(untouched, None) or Moved(self.framework, call, self.device).arguments
            return offered(*(other or own[:1]), *own[1:], **options)

        return play(build, moved.script, self.copied)

    def copied(self, tree: Tree) -> Tree:
        """The same tree, its arrays in memory of their own."""

        def copy(_: Path, leaf: Any) -> Any:
            known = self.framework.is_native(leaf)
            return self.framework.move_in(self.framework.move_out(leaf), self.device) if known else leaf

        return rebuild(tree, copy)

    def not_an_answer(self, call: Call, outputs: Tree, moved: Moved) -> Raised | None:
        """What is wrong with outputs that are not arrays of the framework; of an object, with what a step returned."""
        asked, handed_in = (self.framework, self.backend), bool(moved.native)
        if self.offers[call.component].form == "function":
            return not_arrays(*asked, call.component, outputs, handed_in)
        steps = [output for (method, *_), output in zip(call.script, outputs, strict=True) if method == "step"]
        said = (not_arrays(*asked, f"a step of {call.component}", output, handed_in) for output in steps)
        return next(filter(None, said), None)

    def differentiate(self, call: Call, moved: Moved) -> tuple[Tree, tuple[Tree, ...] | None, Raised | None]:
        """Outputs computed while gradients are recorded, and the gradients."""
        cotangent = moved.cotangent
        pullback = self.implementation.pullbacks.get(call.component)
        function = self.function(call, moved)
        try:
            if pullback is not None:
                given = self.framework.plain(pullback, (cotangent, *moved.arguments), moved.options)
                outputs = self.framework.plain(function, moved.arguments, moved.options)
                gradients = tuple(given) if isinstance(given, tuple | list) else (given,)
                gradients = with_aliases_added(call, gradients)
            else:
                outputs, gradients = self.framework.gradients(function, moved.arguments, moved.options, cotangent)
            self.framework.wait((outputs, gradients))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (whatever a plug-in raises is its answer, SystemExit too)
            return None, None, self.raised(error)
        return outputs, gradients, None
