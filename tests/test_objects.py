"""Objects: a component that keeps state is driven by a script, judged step by step, and told step by step."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.wrong import cached_attention as wrong
from veriformer.impls import script as asked
from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.cached_attention import CachedAttention
from veriformer.impls.numpy.multi_head_attention import merge_heads, project, split_heads
from veriformer.impls.protocol import Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import LAWS
from veriformer.properties.judge import judge
from veriformer.properties.law import Case
from veriformer.properties.menu import Budget
from veriformer.properties.minimise import can_be_left_out, smallest
from veriformer.properties.settle import Settled
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS
from veriformer.spec import script as specified

Array = np.ndarray
SPEC = COMPONENTS["cached_attention"]
LAW = {law.name: law for law in LAWS["cached_attention"]}
X = np.arange(8.0, dtype="float32").reshape(2, 1, 4)
PARAMS = {f"w_{name}": np.eye(4, dtype="float32") for name in "qkvo"}


def offering(build: Callable[..., Any], name: str = "mine") -> Implementation:
    """An implementation of this cache alone."""
    impl = Implementation(name)
    impl.component("cached_attention", form="object")(build)
    return impl


def judged(build: Callable[..., Any], law: str = "agrees_with_the_spec", budget: Budget | None = None) -> Record:
    """What a law says of a cache, in float32."""
    return judge(LAW[law], open_door(offering(build), "float32", "cpu"), budget or Budget(0), settled=Settled())


class _Telling:
    """Remembers what it was asked, and answers it."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def step(self, value: Any) -> list[Any]:
        self.told.append(value)
        return list(self.told)

    def forget(self) -> str:
        self.told.clear()
        return "forgotten"


def test_a_script_means_the_same_on_both_sides() -> None:
    """Two objects, a method beside step, and a result handed on; the spec plays it as implementations are asked."""
    script = [
        ("step", 0, "a"), ("step", 1, "b"), ["step", 0, {"result_of": 1}], ("forget", 0), ("step", 0, {"x": 1}),
        ("step", 1, {"result_of": 3}),
    ]  # fmt: skip
    wanted = [["a"], ["b"], ["a", ["b"]], None, [{"x": 1}], ["b", "forgotten"]]
    assert specified.play(_Telling, script) == asked.play(_Telling, script) == wanted


@pytest.mark.parametrize("framework", ["spec", "numpy", "torch", "jax"])
def test_there_is_no_room_beyond_max_length(framework: str) -> None:
    """One position more than there is room for raises, in place of overwriting."""
    script = [("step", 0, X), ("step", 0, X), ("step", 0, X)]
    if framework == "spec":
        assert len(SPEC(PARAMS, script, n_heads=2, max_length=3)) == 3
        with pytest.raises(ValueError, match="3 positions, where there is room for 2"):
            SPEC(PARAMS, script, n_heads=2, max_length=2)
        return
    pytest.importorskip(framework)
    backend = importlib.import_module(f"veriformer.impls.{framework}")
    params = {name: backend.move_in(value, "cpu") for name, value in PARAMS.items()}
    cache = backend.impl.functions["cached_attention"](params, n_heads=2, max_length=2)
    for _ in range(2):
        cache.step(backend.move_in(X, "cpu"))
    with pytest.raises(ValueError, match="3 positions, where there is room for max_length = 2"):
        cache.step(backend.move_in(X, "cpu"))


class _Seeing(CachedAttention):
    """`seen(keys, n)` is what the n new positions attend to, keys and values alike; without windows and rotations."""

    def __init__(self, params: Any, *, n_heads: int, max_length: int | None = None) -> None:
        super().__init__(params, n_heads=n_heads, max_length=max_length)

    def step(self, x_new: Array) -> Array:
        q, k, v = (split_heads(project(x_new, self.params, name), self.n_heads) for name in "qkv")
        n = x_new.shape[-2]
        keys, values = self.seen(self.keys.append(k), n), self.seen(self.values.append(v), n)
        heads = attention(q, keys, values, mask=np.tri(n, keys.shape[-2], keys.shape[-2] - n, bool))
        return project(merge_heads(heads), self.params, "o")

    def seen(self, rows: Array, n: int) -> Array:
        raise NotImplementedError


class _NotTheNewest(CachedAttention):
    def __init__(self, params: Any, *, n_heads: int, max_length: int | None = None) -> None:
        super().__init__(params, n_heads=n_heads, max_length=max_length)

    def step(self, x_new: Array) -> Array:
        q, k, v = (split_heads(project(x_new, self.params, name), self.n_heads) for name in "qkv")
        n = x_new.shape[-2]
        keys, values = self.keys.append(k)[..., :-n, :], self.values.append(v)[..., :-n, :]
        return project(merge_heads(attention(q, keys, values)), self.params, "o")


class _OneUnwritten(_Seeing):
    def seen(self, rows: Array, n: int) -> Array:
        return np.concatenate([np.zeros_like(rows[..., :1, :]), rows], axis=-2)


class _Neighbours(_Seeing):
    def seen(self, rows: Array, n: int) -> Array:
        if rows.ndim < 4:
            return rows
        return np.concatenate([np.roll(rows, -1, axis=0)[..., :-n, :], rows[..., -n:, :]], axis=-2)


class _NeverReordered(CachedAttention):
    def reorder(self, index: Array) -> None:
        pass


class _ReorderedTheOtherWay(CachedAttention):
    def reorder(self, index: Array) -> None:
        for buffer in (self.keys, self.values):
            assert buffer.rows is not None
            before = buffer.rows.copy()
            buffer.rows[index] = before


SLIPS: dict[str, Callable[..., Any]] = {
    "written_over_the_last": wrong.agrees_with_the_spec,
    "newest_not_seen": _NotTheNewest,
    "unwritten_seen": _OneUnwritten,
    "causal_from_the_chunk": wrong.steps_are_the_rows_of_the_whole,
    "causal_ignored": wrong.chunks_of_any_sizes_give_the_same,
    "another_example_remembered": _Neighbours,
    "not_reordered": _NeverReordered,
    "reordered_the_other_way": _ReorderedTheOtherWay,
}
"""Each slip, made by an implementation that knows nothing of it."""


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_diagnosed(slip: str) -> None:
    """By its name, and by no other."""
    record = judged(SLIPS[slip])
    assert record.verdict is Verdict.BROKEN, record.message
    assert record.diagnosis.endswith(f"({slip})"), record.diagnosis
    assert " or with " not in record.diagnosis


class _PositionByPosition(CachedAttention):
    """Takes no chunks, and has no reorder."""

    reorder = property()  # type: ignore[assignment]

    def step(self, x_new: Array) -> Array:
        if x_new.shape[-2] > 1:
            raise NotImplementedError("one position at a time")
        return super().step(x_new)


def test_what_is_optional_may_be_left_out() -> None:
    """Cases with chunks and with reorder are unsupported, in the implementation's own words; the rest is judged."""
    record = judged(_PositionByPosition)
    assert record.verdict is Verdict.HELD
    assert record.unsupported and record.judged > record.unsupported
    assert "NotImplementedError: one position at a time" in record.message
    assert "reorder: AttributeError" in record.message
    for law, verdict in {
        "steps_are_the_rows_of_the_whole": Verdict.HELD,
        "chunks_of_any_sizes_give_the_same": Verdict.UNSUPPORTED,
        "reordering_is_decoding_the_reordered_sequences": Verdict.UNSUPPORTED,
    }.items():
        assert judged(_PositionByPosition, law).verdict is verdict, law


class _StaysBehind(CachedAttention):
    """Without chunks, and always one position late: nobody but the spec says what the rows of the whole are."""

    before: Array | None = None

    def step(self, x_new: Array) -> Array:
        if x_new.shape[-2] > 1:
            raise NotImplementedError
        answer, self.before = self.before, super().step(x_new)
        return self.before if answer is None else answer


def test_without_chunks_the_whole_is_the_certified_one() -> None:
    """The law speaks, though there is nothing of its own to compare with."""
    record = judged(_StaysBehind, "steps_are_the_rows_of_the_whole")
    assert record.verdict is Verdict.BROKEN
    assert record.counterexample is not None
    assert record.counterexample["comparison"] == "rows of multi_head_attention"


def test_only_steps_that_are_needed_are_left() -> None:
    """Of five steps the two without which it does not fail."""
    script = tuple(("step", 0, np.full((1, 1), value)) for value in (3.0, 5.0, 3.0, 7.0, 3.0))

    def fails(case: Case) -> bool:
        values = [float(x.item()) for _, _, x in case.arguments[1]]
        return 5.0 in values and 7.0 in values

    found = smallest(Case(({}, script)), fails, driven=True)
    assert [step[2].item() for step in found.arguments[1]] == [5.0, 7.0]
    assert len(smallest(Case(({}, script)), fails).arguments[1]) == 5


@pytest.mark.parametrize(
    ("case", "step", "free"),
    [
        (Case(({}, (("step", 0), ("step", 0)))), 0, True),
        (Case(({}, (("step", 0),))), 0, False),
        (Case(({}, (("step", 0), ("step", 0, {"result_of": 0})))), 0, False),
        (Case(({}, (("step", 0), ("step", 0, {"result_of": 0})))), 1, True),
        (Case(({}, (("step", 0), ("step", 0))), fixed=frozenset({(0, 1, 0, 2)})), 1, False),
        (Case(({}, (("step", 0), ("step", 0))), layouts={(1, 1, 2): "strided"}), 0, False),
    ],
)
def test_a_step_that_something_counts_on_stays(case: Case, step: int, free: bool) -> None:
    assert can_be_left_out(step, case) is free


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda self, x: None, "TypeError: a step of cached_attention returned NoneType; wanted: an array of numpy"),
        (lambda self, x: [x, "x"], "TypeError: a step of cached_attention returned list that holds str"),
        (lambda self, x: self.no_such_method(), "AttributeError: 'Odd' object has no attribute 'no_such_method'"),
        (lambda self, x: CachedAttention.step(self, x)[..., :1], "shape of the output[0]"),
        (lambda self, x: CachedAttention.step(self, x).astype("float64"), ""),
    ],
)
def test_a_wrong_step_is_named(step: Callable[..., Any], said: str) -> None:
    """What came from which step, and what is wanted."""
    odd = type("Odd", (CachedAttention,), {"step": step})
    record = judged(odd, budget=Budget(0, quick=True))
    assert record.verdict is (Verdict.HELD if not said else Verdict.BROKEN if "shape" in said else Verdict.CRASHED)
    assert said in record.message
    if not said:
        record = judged(odd, "keeps_the_dtype", Budget(0, quick=True))
        assert record.message == "dtype of output[0]: got float64, wanted float32"


def test_an_object_without_step_crashes_by_name() -> None:
    record = judged(type("Empty", (), {"__init__": CachedAttention.__init__}), budget=Budget(0, quick=True))
    assert record.verdict is Verdict.CRASHED
    assert record.message == "AttributeError: 'Empty' object has no attribute 'step'"


class _InPlace(CachedAttention):
    def step(self, x_new: Array) -> Array:
        answer = super().step(x_new)
        x_new += 1
        return answer


class _ParametersInPlace(CachedAttention):
    def step(self, x_new: Array) -> Array:
        answer = super().step(x_new)
        self.params["w_o"][...] = 0
        return answer


@pytest.mark.parametrize(("build", "said"), [(_InPlace, "script[0][2]"), (_ParametersInPlace, "argument 0['w_o']")])
def test_what_a_step_changes_is_named(build: type, said: str) -> None:
    """The input of a step, or the parameters that it was built from."""
    record = judged(build, "does_not_change_its_arguments", Budget(0, quick=True))
    assert record.verdict is Verdict.BROKEN
    assert said in record.message
