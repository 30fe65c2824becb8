"""The benchmarks: who takes turns with whom, who is ranked, what the numbers mean; never how fast anything is."""

from __future__ import annotations

import itertools
import math
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriformer.bench import clock, machine, workloads
from veriformer.bench.contest import Contest, Entry, Refusal
from veriformer.bench.machine import Limits
from veriformer.bench.ranking import NOT_JUDGED, rank
from veriformer.bench.run import bench
from veriformer.bench.workloads import WORKLOADS, Workload, chosen
from veriformer.impls.protocol import Implementation, Misuse
from veriformer.impls.tree import leaves
from veriformer.impls.worker import open_door
from veriformer.record import Record, Verdict
from veriformer.run import timed as timed_by_command


def plain_softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def contestant(name: str, heard: list[str] | None = None, **declared: Any) -> Implementation:
    """An implementation of softmax that tells when it is called."""
    impl = Implementation(name, backend="numpy", **declared)

    @impl.component
    def softmax(x: np.ndarray) -> np.ndarray:
        if heard is not None:
            heard.append(name)
        return plain_softmax(x)

    return impl


def verdict(implementation: str, found: Verdict, *, component: str = "softmax", **fields: str) -> Record:
    declared: dict[str, Any] = {"law": "sums_to_one", "dtype": "float32", "device": "cpu", **fields}
    return Record(kind="verdict", implementation=implementation, component=component, verdict=found, **declared)


def quickly(implementations: Sequence[Implementation], verdicts: Sequence[Record] = (), **options: Any) -> list[Record]:
    """The timing records of a short run of softmax."""
    given = {"components": ["softmax"], "repeats": 2, "quick": True, **options}
    return [record for record in bench(implementations, verdicts, **given) if record.kind == "timing"]


def of(record: Record) -> Mapping[str, Any]:
    assert record.timing is not None
    return record.timing


# turns


def test_contestants_take_turns() -> None:
    heard: list[str] = []
    quickly([contestant(name, heard) for name in "ABC"], repeats=3)
    assert [name for name, _ in itertools.groupby(heard)] == list("ABCABCABC")


def test_the_command_that_gave_the_numbers_stands_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["veriformer", "bench", "numpy", "-c", "softmax"])
    rows = timed_by_command(["numpy"], [], components=["softmax"], devices=None, repeats=1, quick=True)
    (run,) = (row for row in rows if row.kind == "run")
    assert run.environment is not None
    assert run.environment["command"] == "veriformer bench numpy -c softmax"


def test_turns_hold_over_several_workloads() -> None:
    heard: list[str] = []
    rows = bench([contestant(name, heard) for name in "AB"], [], components=["softmax"], repeats=2)
    names = [workload.name for workload in chosen(["softmax"])]
    assert [row.workload for row in rows if row.kind == "timing"] == [name for name in names for _ in "AB"]
    assert [name for name, _ in itertools.groupby(heard)] == list("AB") * 2 * len(names)


def test_every_turn_gives_one_sample_per_call() -> None:
    (row,) = quickly([contestant("A")], repeats=4)
    assert len(of(row)["samples"]) == 4
    assert min(of(row)["samples"]) > 0
    assert of(row)["calls_per_sample"] >= 1


def test_a_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not yours')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    assert len(of(quickly([contestant("A")])[0])["samples"]) == 2
    assert {path.name for path in tmp_path.iterdir()} <= {"conftest.py", "pytest.ini"}


# who is ranked


def test_the_broken_one_is_timed_and_not_ranked() -> None:
    held, broken = quickly(
        [contestant("right"), contestant("wrong")],
        [verdict("right", Verdict.HELD), verdict("wrong", Verdict.HELD), verdict("wrong", Verdict.BROKEN, law="other")],
    )
    assert (held.verdict, held.message, of(held)["ratio"]) == (Verdict.HELD, "", 1.0)
    assert (broken.verdict, broken.message, of(broken)["ratio"]) == (Verdict.BROKEN, "not ranked: broken", None)
    assert of(broken)["median"] > 0


def test_verdicts_of_another_dtype_device_or_component_do_not_count() -> None:
    others = [
        verdict("A", Verdict.HELD, dtype="float64"),
        verdict("A", Verdict.HELD, device="cuda"),
        verdict("A", Verdict.HELD, component="attention"),
        verdict("B", Verdict.HELD),
    ]
    (row,) = quickly([contestant("A")], others)
    assert (row.verdict, row.message, of(row)["ratio"]) == (None, NOT_JUDGED, None)


def timed(name: str, samples: list[float], refusal: Refusal | None = None) -> Entry:
    return Entry(workloads.softmax(2, 4), "cpu", contestant(name), refusal, samples=samples, calls=1)


def test_the_fastest_that_held_has_ratio_one() -> None:
    entries = (timed("slow", [2.0, 4.0, 3.0]), timed("fast", [1.0, 1.0, 1.0]), timed("wrong", [0.1, 0.1, 0.1]))
    known = [verdict("slow", Verdict.HELD), verdict("fast", Verdict.HELD), verdict("wrong", Verdict.CRASHED)]
    slow, fast, wrong = map(of, rank(Contest(entries, 3), known, {}))
    assert (fast["ratio"], fast["low"], fast["high"]) == (1.0, 1.0, 1.0)
    assert (slow["ratio"], slow["low"], slow["high"]) == (3.0, 2.0, 4.0)
    assert (wrong["ratio"], wrong["low"], wrong["high"], wrong["share_of_limit"]) == (None, None, None, None)


def test_the_limit_is_the_roofline() -> None:
    limits = Limits(flops_per_second=100.0, bytes_per_second=16.0, product_by="", copy_by="")
    assert limits.least_seconds(flops=200, moved=16) == 2.0
    assert limits.least_seconds(flops=10, moved=64) == 4.0
    timing = of(rank(Contest((timed("A", [8.0]),), 1), [], {"cpu": limits})[0])
    assert (timing["flops"], timing["bytes"]) == (2 * (5 * 4 - 2), 2 * 2 * 4 * 4)
    assert timing["bytes_per_second"] == 64 / 8.0
    assert timing["share_of_limit"] == 0.5


# who cannot run


def test_a_missing_device_is_a_row_per_workload() -> None:
    rows = bench([contestant("A", devices=("cpu", "cuda"))], [], components=["softmax"], devices=["cuda"], repeats=1)
    absent = [row for row in rows if row.kind == "timing"]
    assert [row.workload for row in absent] == [workload.name for workload in chosen(["softmax"])]
    assert {(row.device, row.verdict, row.message) for row in absent} == {
        ("cuda", Verdict.ABSENT, "absent: no cuda device")
    }
    assert all(row.timing is None for row in absent)


def test_every_refusal_says_why() -> None:
    def refusing(name: str, error: Exception) -> Implementation:
        impl = Implementation(name, backend="numpy")

        @impl.component
        def softmax(x: np.ndarray) -> np.ndarray:
            raise error

        return impl

    narrow = Implementation("narrow", backend="numpy")
    narrow.component("softmax", only={"rank": (3, 4)})(plain_softmax)
    rows = quickly(
        [
            Implementation("empty"),
            contestant("double", dtypes=("float64",)),
            contestant("elsewhere", devices=("cuda",)),
            narrow,
            refusing("declining", NotImplementedError("no rows of 64")),
            refusing("crashing", ZeroDivisionError("no")),
            contestant("running"),
        ],
        devices=["cpu"],
    )
    assert [row.message for row in rows] == [
        "absent: softmax is not offered",
        "unsupported: double does not list float32",
        "unsupported: elsewhere does not list cpu",
        "unsupported: rank is 2, offered only for 3, 4",
        "unsupported: no rows of 64",
        "crashed: ZeroDivisionError: no",
        NOT_JUDGED,
    ]
    assert [row.timing is None for row in rows] == [True] * 6 + [False]


def test_misuse_says_what_there_is() -> None:
    with pytest.raises(Misuse, match=r"no workload for 'sofmax'; there are attention, .*softmax"):
        bench([], [], components=["sofmax"])
    with pytest.raises(Misuse, match="repeats=0"):
        bench([], [], repeats=0)


# what the numbers mean


def test_the_spread_of_known_samples() -> None:
    assert clock.spread([5.0, 1.0, 4.0, 2.0, 3.0]) == clock.Spread(median=3.0, iqr=2.0)
    assert clock.spread([7.0]) == clock.Spread(median=7.0, iqr=0.0)


def test_the_noise_band_pairs_turns() -> None:
    drifting, twice = [1.0, 2.0, 4.0, 8.0, 16.0], [2.0, 4.0, 8.0, 16.0, 32.0]
    assert clock.band(twice, drifting) == (2.0, 2.0)
    assert clock.band([3.0, 1.0, 2.0], [1.0, 1.0, 1.0]) == (1.0, 3.0)
    assert clock.band([float(n) for n in range(1, 10)], [1.0] * 9) == (2.0, 8.0)  # one of nine left out at either end


def test_the_confidence_counts_coin_tosses() -> None:
    for turns, left_out in itertools.product(range(1, 9), range(4)):
        heads = [sum(tosses) for tosses in itertools.product((0, 1), repeat=turns)]
        inside = sum(left_out < count < turns - left_out for count in heads) / len(heads)
        assert max(clock.confidence(turns, left_out), 0) == inside
    assert clock.confidence(clock.REPEATS) >= clock.CONFIDENCE > clock.confidence(clock.REPEATS - 1)


def test_a_sample_lasts_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def run() -> None:
        nonlocal now
        now += 0.25

    monkeypatch.setattr("veriformer.bench.clock.time.perf_counter", lambda: now)
    assert clock.calls_per_sample(run, enough=8.0) == 32
    assert clock.calls_per_sample(run, enough=0.0) == 1


def test_operations_counted_by_hand() -> None:
    assert workloads.softmax_flops(rows=1, n=4) == 3 + 4 + 4 + 3 + 4
    assert workloads.layer_norm_flops(rows=1, n=2) == 2 + 2 + 2 + 2 + 2 + 2 + 2 + 2
    scores, softmax, values = 2 * 3 * (2 * 5 + 1), 2 * (5 * 3 - 2), 2 * 4 * (2 * 3)
    assert workloads.attention_flops(length_q=2, length_k=3, d_k=5, d_v=4) == scores + softmax + values
    attention = 4 * 2 * 3 * 4 * 4 + 2 * workloads.attention_flops(3, 3, 2, 2)
    feed_forward = (2 * 3 * 4 * 5 + 3 * 5 + 3 * 5) + (2 * 3 * 5 * 4 + 3 * 4)
    assert workloads.encoder_layer_flops(length=3, d_model=4, d_ff=5, n_heads=2) == (
        attention + feed_forward + 2 * 3 * 4 + 2 * workloads.layer_norm_flops(3, 4)
    )


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_bytes_are_those_of_the_arrays(workload: Workload) -> None:
    call = workload.call()
    arrays = [leaf for _, leaf in leaves(call.arguments) if isinstance(leaf, np.ndarray) and leaf.dtype.kind != "i"]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    if workload.component == "training_step":  # gradients, twice, parameters and two moments come out
        assert call.arguments[2]["source"].shape == workload.shape[:2]
        written = 5 * sum(leaf.nbytes for _, leaf in leaves(call.arguments[0]))
    else:
        assert arrays[0].shape == workload.shape
        written = arrays[0].nbytes  # the output is like the first
    assert workload.bytes == sum(array.nbytes for array in arrays) + written
    assert (call.component, dict(call.options)) == (workload.component, dict(workload.options))


def test_each_component_has_a_quick_workload() -> None:
    quick = chosen(quick=True)
    assert sorted(workload.component for workload in quick) == sorted({row.component for row in WORKLOADS})
    assert len({row.name for row in WORKLOADS}) == len(WORKLOADS)


def test_workloads_fit_the_signatures() -> None:
    from veriformer.impls.discover import find

    (found,) = find("numpy")
    assert found.implementation is not None
    for workload in chosen(quick=True):
        reply = open_door(found.implementation, "float32", "cpu").ask(workload.call())
        assert reply.raised is None
        assert reply.outputs is not None
        first, *rest = (np.shape(leaf) for _, leaf in leaves(reply.outputs))
        assert (first == workload.shape) == (not rest)


# the record of the run


def strings(tree: Any) -> Iterator[str]:
    for _, leaf in leaves(tree):
        yield str(leaf)


def test_the_machine_is_described_and_nobody_named() -> None:
    (run, *_) = bench([contestant("A")], [], components=["softmax"], repeats=1, quick=True)
    assert run.kind == "run"
    assert run.environment is not None
    assert {"machine", "versions", "threads", "date", "commit", "limits"} <= run.environment.keys()
    limit = run.environment["limits"]["cpu"]
    assert all(math.isfinite(limit[name]) and limit[name] > 0 for name in ("flops_per_second", "bytes_per_second"))
    said = list(strings(run.environment))
    assert platform.node() not in said
    assert not any(f"{folder}/" in text for folder in (Path.home(), Path.cwd()) for text in said)


@pytest.mark.parametrize(("others", "said"), [(0.75, "disturbed: other programs kept 75%"), (0.0, ""), (None, "")])
def test_a_busy_machine_is_told(others: float | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veriformer.bench.run.busy", lambda: others)
    (run, *_) = bench([], [], quick=True)
    assert run.message.startswith(said)
    assert bool(run.message) == bool(said)


def test_others_keep_a_share_of_the_processors_busy() -> None:
    share = machine.busy()
    assert share is None or 0 <= share <= 1


def test_an_interrupt_ends_the_run() -> None:
    impl = Implementation("patient", backend="numpy")

    @impl.component
    def softmax(x: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quickly([impl])


def test_records_survive_their_file() -> None:
    rows = bench([contestant("A", devices=("cpu", "cuda"))], [], components=["softmax"], repeats=1, quick=True)
    assert [Record.from_json(row.to_json()) for row in rows] == rows


def test_the_commit_is_ours_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    assert machine.commit() == ""
