"""Functions: how far each library's own exp, log, tanh or division is from the exact one, beside what bounds allow for it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.power.shared_out import shared_out
from tests.power.table import table
from veriformer.impls.worker import OpenDoor, open_door
from veriformer.spec.numbers.precision import ROUNDOFFS

TITLE = "Library functions"
POINTS = {False: 2_000_000, True: 100_000}
SEED = 20260101
Array = np.ndarray
E = (-87.0, 88.0)
"""Where exp in float32 is a normal number."""
INTERVALS: dict[str, tuple[tuple[float, float], ...]] = {
    "divide": ((1e-15, 1e15), (1e-15, 1e15)),
    "sqrt": ((1e-30, 1e30),),
    "rsqrt": ((1e-30, 1e30),),
    "exp": (E,),
    "log": ((1e-30, 1e30),),
    "tanh": ((-10.0, 10.0),),
    "sin": ((-1000.0, 1000.0),),
    "cos": ((-1000.0, 1000.0),),
    "erf": ((-5.0, 5.0),),
    "sigmoid": ((-80.0, 80.0),),
    "power": ((1e-4, 1e4), (-6.0, 6.0)),
}
"""Between which numbers the arguments of each lie: positive ones by magnitude, the others evenly and near 0."""
EXACT: dict[str, Callable[..., Array]] = {
    "divide": np.divide,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": np.vectorize(math.erf),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "power": np.power,
}
"""In float64, whose errors are a billionth of what is measured."""


def measure(quick: bool) -> list[dict[str, Any]]:
    """The largest error of each function, in each framework, on each device that is here."""
    return shared_out(of_framework, [(name, quick) for name in ("numpy", "torch", "jax")])


def of_framework(name: str, quick: bool) -> list[dict[str, Any]]:
    """The rows of one framework."""
    ours, offered = importlib.import_module(f"veriformer.impls.{name}"), functions_of(name)
    doors = [open_door(ours.impl, "float32", device) for device in ours.devices()]
    return [of_function(door, function, offered[function], POINTS[quick]) for door in doors for function in offered]


def of_function(door: OpenDoor, name: str, function: Callable[..., Any], points: int) -> dict[str, Any]:
    """One function on one device. erf is measured absolutely, as its bound is meant; what is not normal is left out."""
    rng = np.random.default_rng(SEED)
    arguments = [drawn_from(rng, points, *interval) for interval in INTERVALS[name]]
    answered = door.framework.move_out(function(*(door.framework.move_in(one, door.device) for one in arguments)))
    with np.errstate(all="ignore"):
        exact = EXACT[name](*(one.astype(np.float64) for one in arguments))
        error = np.abs(answered - exact) / (1.0 if name == "erf" else np.abs(exact)) * 2.0**24
    normal = (np.abs(exact) > np.finfo(np.float32).tiny) & (np.abs(exact) < np.finfo(np.float32).max)
    error = np.where(normal, error, 0.0)
    worst = int(np.argmax(error))
    return {
        "framework": door.name,
        "device": door.device,
        "function": name,
        "largest": float(error[worst]),
        "allowed": ROUNDOFFS[name],
        "at": [float(one[worst]) for one in arguments],
    }


def drawn_from(rng: np.random.Generator, points: int, low: float, high: float) -> Array:
    """Numbers between two ends: by magnitude where both are positive, else half evenly and half by magnitude."""
    if low > 0:
        return np.exp(rng.uniform(np.log(low), np.log(high), points)).astype(np.float32)
    even = rng.uniform(low, high, points - points // 2)
    near = rng.choice((-1.0, 1.0), points // 2) * np.exp(rng.uniform(np.log(1e-6), np.log(high), points // 2))
    return np.concatenate([even, np.maximum(near, low)]).astype(np.float32)


def functions_of(name: str) -> dict[str, Callable[..., Any]]:
    """Each function as a framework has it, compiled where that is how it is run."""
    if name == "numpy":
        own = {key: getattr(np, key) for key in ("divide", "sqrt", "exp", "log", "tanh", "sin", "cos", "power")}
        return {
            **own,
            "rsqrt": lambda x: np.float32(1) / np.sqrt(x),
            "sigmoid": lambda x: np.float32(1) / (np.float32(1) + np.exp(-x)),
        }
    if name == "torch":
        import torch

        return {key: getattr(torch, "pow" if key == "power" else key) for key in INTERVALS}
    import jax
    from jax import lax

    return {
        key: jax.jit({"divide": lax.div, "power": lax.pow, "sigmoid": jax.nn.sigmoid}.get(key) or getattr(lax, key))
        for key in INTERVALS
    }


def failures(rows: Sequence[dict[str, Any]], quick: bool) -> Iterator[str]:
    """A library whose function is further off than is allowed for it: the constant is wrong, or the library is."""
    for row in rows:
        if row["largest"] > row["allowed"]:
            who = f"{row['framework']} on {row['device']}: {row['function']}"
            yield f"{who} is {row['largest']:.3g} unit roundoffs off, {row['allowed']:g} are allowed"


def drawn(rows: Sequence[dict[str, Any]]) -> str:
    """One line for each function, a column for each framework and device."""
    columns = list(dict.fromkeys((row["framework"], row["device"]) for row in rows if row["device"] != "-"))
    found = {(row["framework"], row["device"], row["function"]): row["largest"] for row in rows}
    lines = [(name, *(found.get((*column, name), "-") for column in columns), ROUNDOFFS[name]) for name in INTERVALS]
    heads = ("function", *(f"{framework}, {device}" for framework, device in columns), "allowed")
    return f"The largest error in float32, in unit roundoffs (half ulps).\n\n{table(heads, lines)}"
