"""Work shared out between processes: two on two cores, one thread each, each started afresh."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by NumPy and PyTorch when they are loaded: each would else take all cores for each process."""


def shared_out(work: Callable[..., list[dict[str, Any]]], tasks: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows of all tasks, in their order; `work` is a function of a module, and what it is given can be sent."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(work, *task) for task in tasks]
        return [row for future in waiting for row in future.result()]
