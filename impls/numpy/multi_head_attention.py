"""Multi-head attention, and its gradients, in NumPy: project, attend in every head, project back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from veriformer.impls.numpy.attention import attention, attention_vjp
from veriformer.impls.numpy.feed_forward import d_bias, d_weights


def multi_head_attention(
    x: np.ndarray,
    memory: np.ndarray,
    params: Mapping[str, np.ndarray],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    causal: bool = False,
) -> np.ndarray:
    """Concat(head_1, ..., head_h) w_o + b_o, head_i = attention(x w_q, memory w_k, memory w_v), its block of columns.

    x (..., L_q, d_model), memory (..., L_k, d_model) -> like x; mask (..., n_heads or 1, L_q, L_k).
    params: w_q, w_k (d_model, n_heads d_k), w_v (d_model, n_heads d_v), w_o (n_heads d_v, d_model), and
    b_q, b_k, b_v, b_o or none of them. Self-attention is memory = x.
    """
    q = split_heads(project(x, params, "q"), n_heads)
    k = split_heads(project(memory, params, "k"), n_heads)
    v = split_heads(project(memory, params, "v"), n_heads)
    heads = attention(q, k, v, mask=mask, causal=causal)
    return project(merge_heads(heads), params, "o")


def project(x: np.ndarray, params: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """x w + b, the bias only if there is one."""
    projected = np.matmul(x, params[f"w_{name}"])
    return projected + params[f"b_{name}"] if f"b_{name}" in params else projected


def split_heads(x: np.ndarray, n_heads: int) -> np.ndarray:
    """(..., L, n_heads d) -> (..., n_heads, L, d): a head is a contiguous block of columns."""
    *batch, length, width = x.shape
    return np.swapaxes(x.reshape(*batch, length, n_heads, width // n_heads), -2, -3)


def merge_heads(heads: np.ndarray) -> np.ndarray:
    """(..., n_heads, L, d) -> (..., L, n_heads d)."""
    *batch, n_heads, length, width = heads.shape
    return np.swapaxes(heads, -2, -3).reshape(*batch, length, n_heads * width)


def multi_head_attention_vjp(
    cotangent: np.ndarray,
    x: np.ndarray,
    memory: np.ndarray,
    params: Mapping[str, np.ndarray],
    *,
    n_heads: int,
    mask: np.ndarray | None = None,
    causal: bool = False,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The gradients for x, memory and every parameter, where g is the cotangent.

    The output projection gives d_heads = g w_o^T; attention, head by head, gives d_q, d_k, d_v; and with q = x w_q + b_q

        d_w_q = x^T d_q,   d_b_q = sum of d_q,   d_x = d_q w_q^T,   d_memory = d_k w_k^T + d_v w_v^T.

    In self-attention memory is x, and the gradient of x is the sum of the two.
    """
    q = split_heads(project(x, params, "q"), n_heads)
    k = split_heads(project(memory, params, "k"), n_heads)
    v = split_heads(project(memory, params, "v"), n_heads)
    heads = merge_heads(attention(q, k, v, mask=mask, causal=causal))
    d_heads = split_heads(np.matmul(cotangent, params["w_o"].T), n_heads)
    d_q, d_k, d_v = map(merge_heads, attention_vjp(d_heads, q, k, v, mask=mask, causal=causal))
    entering = {"q": (x, d_q), "k": (memory, d_k), "v": (memory, d_v), "o": (heads, cotangent)}
    weights = {f"w_{name}": d_weights(*pair) for name, pair in entering.items()}
    biases = {f"b_{name}": d_bias(pair[1]) for name, pair in entering.items()}
    d_x = np.matmul(d_q, params["w_q"].T)
    d_memory = np.matmul(d_k, params["w_k"].T) + np.matmul(d_v, params["w_v"].T)
    return d_x, d_memory, {name: (weights | biases)[name] for name in params}
