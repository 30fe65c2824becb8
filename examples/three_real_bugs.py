"""Wrong on purpose: three bugs of real projects, re-created. `veriformer check examples/three_real_bugs.py` exits 1."""

from __future__ import annotations

import numpy as np

from veriformer import Implementation

heads = Implementation("key-heads-tiled")
masked = Implementation("nan-behind-a-mask")
diagonal = Implementation("diagonal-gradient")


def weights(x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """exp(x) / sum exp(x) over the allowed entries; nan in a row that has none."""
    x = x if mask is None else np.where(mask, x, -np.inf).astype(x.dtype)
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@heads.component
def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """https://github.com/onnx/onnx/pull/7274: grouped key heads come as 0, 1, 0, 1 where 0, 0, 1, 1 is meant."""
    if q.ndim > 2:
        k, v = (np.concatenate([x] * (q.shape[-3] // x.shape[-3]), axis=-3) for x in (k, v))
    return weights(q @ k.swapaxes(-1, -2) / np.sqrt(q.dtype.type(q.shape[-1]))) @ v


@masked.component
def softmax(x: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    p = weights(x, mask)
    return p if mask is None else np.where(mask.any(-1, keepdims=True), p, 0)


@masked.vjp("softmax")
def softmax_gradient(cotangent: np.ndarray, x: np.ndarray, *, mask: np.ndarray | None = None) -> np.ndarray:
    """https://github.com/Xilinx/brevitas/pull/1591: a fully masked row is patched in the answer, not in its gradient."""
    p = weights(x, mask)
    return p * (cotangent - (p * cotangent).sum(-1, keepdims=True))


diagonal.component("softmax")(weights)


@diagonal.vjp("softmax")
def diagonal_gradient(cotangent: np.ndarray, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """https://github.com/Apiquet/DeepLearningFrameworkFromScratchCpp/issues/1: only dp_i / dx_i, never dp_i / dx_j."""
    p = weights(x, mask)
    return cotangent * p * (1 - p)
