"""Reports: numbers and arrays as a person would write them, and as a file gives them back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.reported import judged
from veriformer.record import Record, Verdict
from veriformer.reports import values


def arrays() -> Iterator[np.ndarray[Any, Any]]:
    """Arrays that are easily spoiled on the way through a file."""
    yield np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45, 0.1]], "float32")
    yield np.array([0.1, -0.0, np.nan, np.inf]).astype(ml_dtypes.bfloat16)
    yield np.array([True, False])
    yield np.array(3.5)
    yield np.zeros((0, 3), "float16")
    yield np.arange(12, dtype="int64").reshape(3, 4)[:, ::2]
    yield np.random.default_rng(0).normal(size=(9, 9))


@pytest.mark.parametrize("value", list(arrays()), ids=lambda value: f"{value.dtype}-{value.shape}")
def test_arrays_survive_a_file(value: np.ndarray[Any, Any]) -> None:
    row = judged(
        "i", "c", "law", Verdict.BROKEN, worst_ratio=math.inf, counterexample={"arguments": {"p": [{"x": value}]}}
    )
    line = row.to_json()
    back = Record.from_json(line)
    assert "NaN" not in line
    assert "Infinity" not in line
    assert back.verdict is Verdict.BROKEN
    assert back.worst_ratio == math.inf
    (found,) = (back.counterexample or {})["arguments"]["p"]
    assert (found["x"].dtype, found["x"].shape) == (value.dtype, value.shape)
    assert found["x"].tobytes() == np.ascontiguousarray(value).tobytes()


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((3, 4), "float32"), "zeros((3, 4))"),
        (np.ones(5, "int64"), "ones((5,))"),
        (np.eye(4), "eye(4)"),
        (np.full((2, 2), 0.1, "float32"), "full((2, 2), 0.1)"),
        (np.full(2, np.nan), "full((2,), nan)"),
        (np.zeros((0, 2)), "zeros((0, 2))"),
        (np.array([0.0, -0.0]), "[ 0., -0.]"),
        (np.full(2, -0.0), "full((2,), -0.0)"),
        (np.array([0.1, 1e-45], "float32"), "[  0.1, 1e-45]"),
        (np.array([1 / 3]), "[0.3333333333333333]"),
        (np.array([True, False]), "[ True, False]"),
        (np.ones(2, ml_dtypes.bfloat16), "ones((2,))"),
        (np.array(0.5), "0.5"),
    ],
)
def test_arrays_are_written_as_a_person_would(array: np.ndarray[Any, Any], text: str) -> None:
    assert values.array(array) == text


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_written_digits_name_the_same_number(dtype: str) -> None:
    array = np.random.default_rng(1).normal(size=(4, 5)).astype(dtype)
    assert np.array_equal(np.array(eval(values.array(array)), dtype), array)


def test_a_large_array_is_cut_short() -> None:
    assert len(values.array(np.random.default_rng(2).normal(size=(300, 300)))) < 2000


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, ""),
        (0.0, "exact"),
        (1e-5, "< 0.1 %"),
        (0.34, "34 %"),
        (1.0, "100 %"),
        (12.5, "12.5×"),
        (1.7e5, "2e5×"),
        (math.inf, "∞×"),
    ],
)
def test_shares(ratio: float | None, text: str) -> None:
    assert values.share(ratio) == text
