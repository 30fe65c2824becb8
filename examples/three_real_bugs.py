"""Wrong on purpose: three bugs of real projects. `veriformer check examples/three_real_bugs.py` finds them, exit 1."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

impl = Implementation("three-real-bugs", backend="numpy")


def weights(x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """exp(x) / sum exp(x) over the allowed entries; a row without any is nan."""
    x = x if mask is None else np.where(mask, x, -np.inf).astype(x.dtype)
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@impl.component
def softmax(x: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    return np.nan_to_num(weights(x, mask))


@impl.vjp("softmax")
def softmax_gradient(cotangent: np.ndarray, x: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    # https://github.com/Xilinx/brevitas/pull/1591: the answer of a fully masked row is patched, its gradient stays nan
    p = weights(x, mask)
    return p * (cotangent - (p * cotangent).sum(-1, keepdims=True))


@impl.component
def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    if q.ndim > 2 and k.shape[-3] != q.shape[-3]:
        # https://github.com/onnx/onnx/pull/7274: heads of keys come as 0, 1, 0, 1 where 0, 0, 1, 1 is meant
        k, v = (np.concatenate([x] * (q.shape[-3] // k.shape[-3]), axis=-3) for x in (k, v))
    return weights(q @ k.swapaxes(-1, -2) / np.sqrt(q.dtype.type(q.shape[-1])), None) @ v


@impl.component
def embedding(tokens: np.ndarray, table: np.ndarray) -> np.ndarray:
    return table[tokens]


@impl.vjp("embedding")
def embedding_gradient(cotangent: np.ndarray, tokens: np.ndarray, table: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(table)
    gradient[tokens] = cotangent  # https://github.com/pytorch/pytorch/issues/1528: of equal tokens only the last counts
    return gradient
