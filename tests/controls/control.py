"""Control: one honest way to compute a component, with the source that shows who computes so, to be judged like anybody's.

Each file of this folder holds the controls of one component, or of a family, in a tuple CONTROLS. An accusation of one of
them is a false alarm of the suite, unless it stands in known_deviations.toml.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer import Implementation
from veriformer.impls.tree import rebuild

Function = Callable[..., Any]
WIDE = ("float64", "float32")
HALF = ("bfloat16", "float16")

NARROW: dict[str, Any] = {"n": (3, 4)}
FEW_SIZES: dict[str, dict[str, Any]] = {
    "softmax": NARROW,
    "log_softmax": NARROW,
    "layer_norm": NARROW,
    "rms_norm": NARROW,
    "gelu": {"n": (3, 4, 7)},
    "silu": NARROW,
    "attention": {"rank": 4, "length": (2, 3, 4)},
    "feed_forward": {"d_model": (2, 3)},
    "cross_entropy": {"classes": (3, 4)},
    "adam": {"tensors": (1, 2)},
    "clip_by_global_norm": {"tensors": (1, 2)},
}
"""The sizes in which JAX is judged."""
QUICKLY_COMPILED = ("softmax", "gelu")
"""What JAX compiles in a quick run too."""


@dataclass(frozen=True)
class Control:
    """One honest variant. slow: compiled anew for every size, option and dtype; left out of a quick run."""

    component: str
    how: str
    source: str
    implementation: Implementation
    slow: bool = False


def in_numpy(
    component: str,
    how: str,
    source: str,
    function: Function,
    *,
    vjp: Function | None = None,
    dtypes: tuple[str, ...] = (*WIDE, *HALF),
    **declared: Any,
) -> tuple[Control, ...]:
    """A function that rounds every step to the dtype it is given (`eager`); in half types also the same function in
    float32 inside, its arguments widened and its answer rounded once (`layer`)."""
    controls = [control(component, how, source, "numpy", function, vjp, dtypes, **declared)]
    halves = tuple(dtype for dtype in HALF if "float32" in dtypes)
    if halves:
        inside = widened(vjp) if vjp else None
        how = f"{how}; in float32 inside"
        controls.append(
            control(component, how, source, "numpy", widened(function), inside, halves, precision="layer", **declared)
        )
    return tuple(controls)


def in_torch(component: str, how: str, source: str, function: Function, **more: Any) -> tuple[Control, ...]:
    """A function of PyTorch tensors, differentiated by autograd."""
    return (control(component, how, source, "torch", function, None, more.pop("dtypes", (*WIDE, *HALF)), **more),)


def in_jax(component: str, how: str, source: str, function: Function, **more: Any) -> tuple[Control, ...]:
    """A function of JAX arrays, differentiated by `jax.vjp`; in few sizes, since each is compiled."""
    dtypes = more.pop("dtypes", (*WIDE, *HALF))
    more = {"slow": component not in QUICKLY_COMPILED, "only": FEW_SIZES.get(component), **more}
    return (control(component, how, source, "jax", function, None, dtypes, **more),)


def control(
    component: str,
    how: str,
    source: str,
    backend: str,
    function: Function,
    vjp: Function | None,
    dtypes: tuple[str, ...],
    *,
    slow: bool = False,
    precision: str | None = None,
    **declared: Any,
) -> Control:
    """An implementation that offers this function and nothing else."""
    implementation = Implementation(f"{component}: {how}", backend, dtypes=dtypes, precision=precision)
    implementation.component(component, **declared)(function)
    if vjp is not None:
        implementation.vjp(component)(vjp)
    return Control(component, how, source, implementation, slow)


def widened(function: Function) -> Function:
    """The function, computing in float32 what comes in a half type and goes out in it again."""

    @functools.wraps(function)
    def inside(*arguments: Any, **options: Any) -> Any:
        found: list[np.dtype] = []

        def widen(_: Any, leaf: Any) -> Any:
            if not is_half(leaf):
                return leaf
            found.append(leaf.dtype)
            return leaf.astype(np.float32)

        given = rebuild((arguments, options), widen)
        answer = function(*given[0], **given[1])
        return rebuild(answer, lambda _, leaf: leaf.astype(found[0]) if is_floating(leaf) else leaf)

    return inside


def is_half(leaf: Any) -> bool:
    """An array of a half type (bfloat16 is of NumPy kind V)."""
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fV" and leaf.dtype.itemsize == 2


def is_floating(leaf: Any) -> bool:
    """An array, or a NumPy number, of a floating type."""
    return isinstance(leaf, np.ndarray | np.floating) and leaf.dtype.kind in "fV"
