"""Seldom: how often cycles of objects are looked for while laws are judged."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

ALLOCATIONS = 10_000
"""Python looks whenever 700 more objects were made than given up, which a few cases make, and now and then through all that
PyTorch and JAX have loaded: a sixth of the time that a case of attention takes. Cases leave few cycles behind."""


@contextlib.contextmanager
def seldom_collecting() -> Iterator[None]:
    """Inside, cycles are looked for less often; afterwards, as often as before."""
    young, *older = gc.get_threshold()
    if not 0 < young < ALLOCATIONS:  # 0: somebody has switched it off
        yield
        return
    gc.set_threshold(ALLOCATIONS, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
