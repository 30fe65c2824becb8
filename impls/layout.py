"""How an array can lie in memory: the same values, other strides. Each call gets fresh memory, laid out as asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LAYOUTS = ("contiguous", "transposed", "strided", "offset", "stride_0", "negative", "read_only")
"""`transposed`: Fortran order of the last two axes. `strided`: every second element of a larger buffer.
`offset`: starts inside a larger buffer. `stride_0`: broadcast, where the values allow it. The last two: NumPy only."""


@dataclass(frozen=True)
class LaidOut:
    """An array and the memory under it: a change between its strides is a change too."""

    array: np.ndarray
    memory: np.ndarray

    def snapshot(self) -> bytes:
        """All bytes under the array, those between its strides included."""
        return self.memory.tobytes()


def lay_out(values: np.ndarray, layout: str) -> LaidOut:
    """Fresh memory that holds the values in the given layout; one that needs more axes than there are is contiguous."""
    if values.ndim == 0 or values.size == 0:
        layout = "read_only" if layout == "read_only" else "contiguous"
    match layout:
        case "transposed" if values.ndim >= 2:
            memory = np.ascontiguousarray(np.swapaxes(values, -1, -2))
            if memory.base is not None or memory is values:
                memory = memory.copy()
            return LaidOut(np.swapaxes(memory, -1, -2), memory)
        case "strided":
            memory = np.full((*values.shape[:-1], 2 * values.shape[-1]), 77, dtype=values.dtype)
            memory[..., ::2] = values
            return LaidOut(memory[..., ::2], memory)
        case "offset":
            memory = np.full(values.size + 3, 77, dtype=values.dtype)
            memory[3:] = values.ravel()
            return LaidOut(memory[3:].reshape(values.shape), memory)
        case "stride_0" if values.ndim >= 2 and np.array_equal(values, np.broadcast_to(values[:1], values.shape)):
            memory = values[:1].copy()
            return LaidOut(np.lib.stride_tricks.as_strided(memory, values.shape, (0, *memory.strides[1:])), memory)
        case "negative":
            memory = values[..., ::-1].copy()
            return LaidOut(memory[..., ::-1], memory)
    memory = np.array(values, order="C", copy=True)
    if layout == "read_only":
        memory.flags.writeable = False
    return LaidOut(memory, memory)
