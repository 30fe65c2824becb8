"""Script: a few lines of Python that show one counterexample again, and nothing else."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from veriformer.record import Record

BIG = 200
"""Arrays with more numbers than this are written as bytes, packed; none is ever cut off."""


def script(record: Record, target: str) -> str:
    """The text of the script. Everything of the plug-in's enters through repr."""
    case = dict(record.counterexample or {})
    fields = {
        "implementation": record.implementation,
        "component": record.component,
        "law": record.law,
        "dtype": record.dtype,
        "device": record.device,
        "conventions": case.get("conventions", {}),
        "arguments": tuple(case.get("arguments", {}).values()),
        "options": case.get("options", {}),
        "extra": case.get("extra", {}),
        "layouts": case.get("layouts", []),
        "aliases": case.get("aliases", []),
        "extension": case.get("extension", ""),
    }
    written = {name: source(value) for name, value in fields.items() if value not in ([], {}, "")}
    if "script" in case.get("arguments", {}):
        *built_from, steps = fields["arguments"]
        written["arguments"] = "(" + "".join(f"{source(value)}, " for value in built_from) + step_by_step(steps) + ")"
    lines = [f"    {name}={text}," for name, text in written.items()]
    head = f"{record.component} of {record.implementation} and the law {record.law}"
    imports = ["import base64", "import zlib", ""] if any("zlib." in text for text in written.values()) else []
    return "\n".join(
        [
            f"# {head!r}: run this to see it again.",
            *imports,
            "import numpy as np",
            "from veriformer.replay import reproduce",
            "",
            "reproduce(",
            f"    {target!r},",
            *lines,
            ")",
            "",
        ]
    )


def step_by_step(steps: Any) -> str:
    """The script that drives objects as Python source, a line for each step."""
    return "[\n" + "".join(f"        {source(tuple(step))},\n" for step in steps) + "    ]"


def source(value: Any) -> str:
    """A value as Python source."""
    if isinstance(value, np.ndarray):
        return array_source(value)
    if isinstance(value, np.generic):
        return source(value.item())
    if isinstance(value, float):
        return numbers(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {source(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(source, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{source(item)}, " for item in value) + ")"
    return repr(value)


def array_source(array: np.ndarray) -> str:
    """An array as the simplest expression that is equal to it, dtype included."""
    name = repr(str(array.dtype))
    if array.size and not array.any() and not signed(array):
        return f"np.zeros({array.shape!r}, dtype={name})"
    if array.size and np.array_equal(array, np.ones_like(array)):
        return f"np.ones({array.shape!r}, dtype={name})"
    if (
        array.ndim == 2
        and array.shape[0] == array.shape[1]
        and np.array_equal(array, np.eye(len(array)))
        and not signed(array)
    ):
        return f"np.eye({len(array)}, dtype={name})"
    if array.size > BIG:
        packed = base64.b85encode(zlib.compress(array.tobytes(), 9)).decode("ascii")
        return f"np.frombuffer(zlib.decompress(base64.b85decode({packed!r})), dtype={name}).reshape({array.shape!r})"
    if array.size == 0:
        return f"np.zeros({array.shape!r}, dtype={name})"
    return f"np.array({numbers(array.tolist())}, dtype={name})"


def signed(array: np.ndarray) -> bool:
    """Is any number negative? -0.0 counts."""
    return bool(np.signbit(array.astype(float)).any())


def numbers(nested: Any) -> str:
    """Nested lists of numbers, those that are not finite as NumPy spells them."""
    if isinstance(nested, list):
        return "[" + ", ".join(map(numbers, nested)) + "]"
    if isinstance(nested, float) and not np.isfinite(nested):
        return f"float({str(nested)!r})"
    return repr(nested)
