"""The machine: what it is, and the limits measured on it, against which every timing is held.

Two limits make a roofline: how many float32 operations a matrix product reaches in a second, and how many bytes a
scaled copy of arrays larger than any cache moves. A workload of f flops and b bytes can take no less than
max(f / peak, b / bandwidth) seconds; its share of the limit is that, over the time taken. It may exceed 1 where the
data stay in a cache from call to call.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from veriformer.bench.clock import elapsed, warm_up
from veriformer.impls.protocol import Call, Implementation
from veriformer.impls.worker import open_door

PACKAGES = ("veriformer", "numpy", "torch", "jax", "jaxlib", "triton", "pytest", "pytest-benchmark")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY")
MATRIX = 2048
"""Rows and columns: 17 Gflop, enough to fill a GPU."""
MATRIX_WHEN_QUICK = 512
COPIED = 2**25
"""Numbers that are copied, 128 MiB of float32: more than caches hold."""
COPIED_WHEN_QUICK = 2**22
TRIES = 5
"""The best of so many: a limit is what is possible, not what is usual."""
IDLE, WAITING = 3, 4
"""Where /proc/stat counts a processor that has nothing to do, and one that waits for a disk."""
LISTENING = 0.2
"""Seconds for which others' programs are watched."""


@dataclass(frozen=True)
class Limits:
    """What one device reaches, and whose code reached it."""

    flops_per_second: float
    bytes_per_second: float
    product_by: str
    copy_by: str

    def least_seconds(self, flops: int, moved: int) -> float:
        """The roofline: no less time than the operations need, nor than the bytes need."""
        return max(flops / self.flops_per_second, moved / self.bytes_per_second)


def limits(device: str, backends: Iterable[str], *, quick: bool = False) -> Limits:
    """The best that any of the backends reaches on this device, with the threads that they have as they are."""
    side = MATRIX_WHEN_QUICK if quick else MATRIX
    copied = COPIED_WHEN_QUICK if quick else COPIED
    square, line = np.ones((side, side), np.float32), np.ones(copied, np.float32)
    products, copies = {}, {}
    for backend in backends:
        products[backend] = 2 * side**3 / best(backend, device, Call("product", (square, square)))
        copies[backend] = 2 * line.nbytes / best(backend, device, Call("copy", (line,)))
    if device == "cpu":
        copies["numpy, in place"] = 2 * line.nbytes / best_in_place(line)
    return Limits(
        flops_per_second=max(products.values()),
        bytes_per_second=max(copies.values()),
        product_by=max(products, key=lambda name: products[name]),
        copy_by=max(copies, key=lambda name: copies[name]),
    )


def best(backend: str, device: str, call: Call) -> float:
    """Least seconds of a call to a backend's own operators, through the same door as the contestants."""
    meter = Implementation("meter", backend, devices=(device,), dtypes=("float32",))

    @meter.component
    def product(a: Any, b: Any) -> Any:
        return a @ b

    @meter.component
    def copy(x: Any) -> Any:
        return 2 * x

    run = open_door(meter, "float32", device).prepare(call)
    warm_up(run)
    return min(elapsed(run) for _ in range(TRIES))


def best_in_place(line: np.ndarray) -> float:
    """Least seconds of a copy into memory that is there already."""
    target = np.empty_like(line)

    def run() -> None:
        np.copyto(target, line)

    warm_up(run)
    return min(elapsed(run) for _ in range(TRIES))


def environment() -> dict[str, Any]:
    """Machine, versions, threads, date and commit: what a reader needs, and no name of a host, a user or a folder."""
    return {
        "machine": {
            "cpu": cpu_name(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "processors": os.cpu_count(),
            "processors_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "accelerators": accelerators(),
        },
        "versions": {"python": platform.python_version(), **versions()},
        "blas": blas(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }


def busy() -> float | None:
    """The share of all processors that other programs keep busy, while this one sleeps; None where nobody counts it.

    It matters: on two processors, one of them busy, torch's small encoder layer took 16 ms in place of 0.25 ms, since
    threads that wait for each other by spinning lose whole time slices to the neighbour.
    """
    before = ticks()
    time.sleep(LISTENING)
    idle, total = (later - earlier for later, earlier in zip(ticks(), before, strict=True))
    return 1 - idle / total if total else None


def ticks() -> tuple[int, int]:
    """Idle and all ticks of all processors since the start; zeros where the kernel does not tell."""
    counted = Path("/proc/stat")
    if not counted.is_file():
        return 0, 0
    of_kind = [int(field) for field in counted.read_text(encoding="ascii").splitlines()[0].split()[1:]]
    return of_kind[IDLE] + of_kind[WAITING], sum(of_kind)


def cpu_name() -> str:
    """As the processor calls itself."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def accelerators() -> list[str]:
    """GPUs as the driver names them; none without a driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    return said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines()


def versions() -> dict[str, str]:
    """Of the packages that matter here and are installed; none of them is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def blas() -> str:
    """The library behind NumPy's matrix products."""
    shown: Any = np.show_config(mode="dicts")
    described: Mapping[str, Any] = (shown or {}).get("Build Dependencies", {}).get("blas", {})
    return f"{described.get('name', 'unknown')} {described.get('version', '')}".strip()


def commit() -> str:
    """The commit of veriformer's checkout, `-dirty` if it was changed; empty when installed from a wheel."""
    folder, name = str(Path(__file__).parent), Path(__file__).name
    if shutil.which("git") is None or not said("git", "-C", folder, "ls-files", name):
        return ""
    return said("git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def said(*command: str) -> str:
    """What a command prints; empty when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
