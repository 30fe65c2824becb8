"""Numbers and arrays as a person would write them: shortest digits that name the same number, plain arrays by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

WHOLE = 100
"""Arrays of at most this many numbers are written out; of larger ones, the corners."""

WIDTH = 96
"""Columns that a written array may take."""

NARROWER = ("float16", "bfloat16", "float32")
"""Dtypes whose numbers float64 holds."""

NESTS = (Mapping, tuple, list, np.ndarray)
"""What a list may hold to be more than a list of plain values."""


@dataclass(frozen=True)
class Line:
    """One value with its name: `x`, `float32 (2, 3)`, `zeros((2, 3))`."""

    name: str
    kind: str
    """Dtype and shape of an array, else nothing."""
    text: str
    size: int = 1


def lines(name: str, value: Any) -> Iterator[Line]:
    """A value, or every leaf of a nest of them, each under the name that reaches it: `params.layers[0].gamma`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from lines(f"{name}.{key}" if name else str(key), item)
    elif is_step(value):
        yield step(name, *value)
    elif isinstance(value, tuple | list) and any(isinstance(item, NESTS) for item in value):
        for index, item in enumerate(value):
            yield from lines(f"{name}[{index}]", item)
    elif isinstance(value, np.ndarray):
        yield Line(name, f"{value.dtype} {value.shape}", array(value), value.size)
    else:
        yield Line(name, "", shown(value))


def is_step(value: Any) -> bool:
    """Is it one step of a script: a method, the number of an object, and what the method is given?"""
    return isinstance(value, tuple | list) and len(value) >= 2 and isinstance(value[0], str) and type(value[1]) is int


def step(name: str, method: str, number: int, *given: Any) -> Line:
    """One step on one line: `object 0: step(zeros((1, 4)))`. Further lines of an array stand under its first."""
    start = f"object {number}: {method}("
    text = ", ".join(map(shown, given)).replace("\n", "\n" + " " * len(start))
    kinds = [f"{value.dtype} {value.shape}" for value in given if isinstance(value, np.ndarray)]
    return Line(name, ", ".join(kinds), f"{start}{text})")


def shown(value: Any) -> str:
    """Any value of a record as text."""
    if isinstance(value, np.ndarray):
        return array(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return number(value)


def number(value: Any) -> str:
    """A number by its shortest digits in its own dtype; anything else as Python writes it."""
    if isinstance(value, float):
        return repr(float(value))
    return str(value)


def narrow(value: Any, dtype: str) -> Any:
    """An answer that was widened to float64, in its own dtype again, so that its digits are the short ones."""
    import ml_dtypes  # noqa: F401  (registers the dtype name "bfloat16" with NumPy)

    if dtype not in NARROWER or not isinstance(value, np.ndarray | np.floating):
        return value
    with np.errstate(all="ignore"):
        back = np.asarray(value).astype(dtype)
    if not np.array_equal(back.astype(np.float64), value, equal_nan=True):
        return value
    return back if isinstance(value, np.ndarray) else back[()]


def array(value: np.ndarray[Any, Any]) -> str:
    """An array: by name if it has one (`zeros((3, 4))`, `eye(4)`), else its numbers, columns aligned."""
    named = name_of(value)
    if named:
        return named
    if value.ndim == 0:
        return number(value[()])
    if value.size > WHOLE:
        return np.array2string(value, separator=", ", threshold=WHOLE, formatter={"all": entry}, max_line_width=WIDTH)
    width = max(len(entry(item)) for item in value.flat)
    aligned = {"all": lambda item: entry(item).rjust(width)}
    return np.array2string(value, separator=", ", threshold=WHOLE, formatter=aligned, max_line_width=WIDTH)  # type: ignore[arg-type]


def entry(item: Any) -> str:
    """A number within an array, where `1.` is enough."""
    text = number(item)
    return text[:-1] if text.endswith(".0") else text


def name_of(value: np.ndarray[Any, Any]) -> str:
    """The name of an array that a formula could build, else nothing."""
    if value.ndim == 0:
        return ""
    shape = str(value.shape)
    if value.size == 0:
        return f"zeros({shape})"
    first = value.flat[0]
    same = bool(np.all((value == first) | ((value != value) & (first != first)))) and one_sign(value)
    if same and value.dtype != bool and str(first) in ("0", "1", "0.0", "1.0"):
        return f"{'ones' if first == 1 else 'zeros'}({shape})"
    if same and value.size > 1:
        return f"full({shape}, {number(first)})"
    square = value.ndim == 2 and value.shape[0] == value.shape[1] and value.dtype != bool
    return f"eye({len(value)})" if square and np.array_equal(value, np.eye(len(value))) and one_sign(value) else ""


def one_sign(value: np.ndarray[Any, Any]) -> bool:
    """No zero is negative, or all are: -0.0 is a number of its own."""
    if value.dtype.kind in "biu":
        return True
    zeros = np.signbit(value[value == 0])
    return not zeros.any() or bool(zeros.all() and zeros.size == value.size)


def share(ratio: float | None) -> str:
    """An error as a share of its bound: `34 %`, `12×`, `2e5×`."""
    if ratio is None:
        return ""
    if math.isnan(ratio):
        return "nan"
    if math.isinf(ratio):
        return "∞×"
    if ratio > 1:
        return f"{ratio:.0e}×".replace("e+0", "e").replace("e+", "e") if ratio >= 1e4 else f"{ratio:.3g}×"
    if ratio == 0:
        return "exact"
    return "< 0.1 %" if ratio < 0.001 else f"{100 * ratio:.3g} %" if ratio >= 0.995 else f"{100 * ratio:.2g} %"


def ulps(value: float | None) -> str:
    """An error in units in the last place."""
    return "" if value is None else f"{value:.3g} ulp"


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it."""
    if value is not None and value >= 120:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return scaled(value, "s", {1.0: "", 1e-3: "m", 1e-6: "µ", 1e-9: "n"})


def rate(value: float | None, unit: str) -> str:
    """A rate such as `3.2 TFLOP/s`."""
    return scaled(value, unit, {1e12: "T", 1e9: "G", 1e6: "M", 1e3: "k", 1.0: ""})


def scaled(value: float | None, unit: str, prefixes: Mapping[float, str]) -> str:
    """A quantity with the largest prefix that leaves at least 1 in front of it."""
    if value is None:
        return ""
    size = next((size for size in prefixes if abs(value) >= 0.9995 * size), min(prefixes))
    return f"{value / size:.3g} {prefixes[size]}{unit}"
