"""Honest attentions: the scale in every place, products in every order, divided first or last, tile by tile, in base 2."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from tests.controls.arithmetic import (
    Array,
    above,
    by_numpy,
    constant,
    kept,
    matmul,
    over,
    product_fused,
    product_in_blocks,
    product_in_reverse,
    product_in_turn,
    rounded,
    sum_to,
)
from tests.controls.control import Control, in_jax, in_numpy, in_torch

DAO = "Dao et al. 2022, algorithm 1"
DAO_2 = "Dao 2023, FlashAttention-2"
ONLINE = "Milakov & Gimelshein 2018; Rabe & Staats 2021"
SDPA = "torch.nn.functional.scaled_dot_product_attention"
VASWANI = "Vaswani et al. 2017, equation 1"
Product = Callable[[Array, Array], Array]


def on_scores(q: Array, keys: Array, scale: Any, product: Product) -> Array:
    return product(q, keys) * scale


def on_queries(q: Array, keys: Array, scale: Any, product: Product) -> Array:
    return product(q * scale, keys)


def on_keys(q: Array, keys: Array, scale: Any, product: Product) -> Array:
    return product(q, keys * scale)


def root_on_both(q: Array, keys: Array, scale: Any, product: Product) -> Array:
    """As PyTorch's math kernel does it, so that float16 scores do not overflow."""
    return product(q * np.sqrt(scale), keys * np.sqrt(scale))


def scale_of(q: Array, scale: float | None) -> Any:
    return constant(1 / np.sqrt(q.shape[-1]) if scale is None else scale, q)


def scores(
    q: Array, k: Array, *, mask: Array | None = None, bias: Array | None = None, causal: bool = False,
    scale: float | None = None, place: Any = on_scores, product: Product = matmul,
) -> Array:  # fmt: skip
    """Minus infinity where a query does not see a key; causal rows are aligned at the end."""
    s = place(q, np.swapaxes(k, -1, -2), scale_of(q, scale), product)
    s = s if bias is None else s + bias
    seen = np.ones(s.shape[-2:], bool) if mask is None else mask
    if causal:
        i, j = np.arange(s.shape[-2])[:, None], np.arange(s.shape[-1])
        seen = seen & (j <= i + s.shape[-1] - s.shape[-2])
    return np.where(seen, s, constant(-np.inf, s))


def weights(s: Array) -> Array:
    exponentials = np.exp(s - above(s))
    return over(exponentials, by_numpy(exponentials))


def ungrouped(q: Array, k: Array) -> None:
    """Heads are not shared here."""
    if q.ndim > 2 and k.ndim > 2 and k.shape[-3] not in (1, q.shape[-3]):
        raise NotImplementedError("grouped heads")


def plain(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, bias: Array | None = None, causal: bool = False,
    scale: float | None = None, place: Any = on_scores, product: Product = matmul,
) -> Array:  # fmt: skip
    ungrouped(q, k)
    s = scores(q, k, mask=mask, bias=bias, causal=causal, scale=scale, place=place, product=product)
    return product(weights(s), v)


def divided_last(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, bias: Array | None = None, causal: bool = False,
    scale: float | None = None,
) -> Array:  # fmt: skip
    ungrouped(q, k)
    s = scores(q, k, mask=mask, bias=bias, causal=causal, scale=scale)
    exponentials = np.exp(s - above(s))
    return over(matmul(exponentials, v), by_numpy(exponentials))


def flash(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, bias: Array | None = None, causal: bool = False,
    scale: float | None = None, block: int = 2, two: bool = False, backwards: bool = False,
) -> Array:  # fmt: skip
    """Tile by tile; two: exp2, with log2(e) multiplied to the scores."""
    ungrouped(q, k)
    power = np.exp2 if two else np.exp
    s = scores(q, k, mask=mask, bias=bias, causal=causal, scale=scale)
    s = s * constant(np.log2(np.e), s) if two else s
    top = np.full((*s.shape[:-1], 1), -np.inf).astype(s.dtype)
    total, mixed = kept(np.zeros_like(top)), kept(np.zeros((*s.shape[:-1], v.shape[-1]), s.dtype))
    starts = range(0, s.shape[-1], block)
    for i in reversed(starts) if backwards else starts:
        tile = s[..., i : i + block]
        higher = np.maximum(top, np.max(tile, axis=-1, keepdims=True))
        shift = np.where(np.isneginf(higher.astype(np.float64)), constant(0, higher), higher)
        factor, p = power(top - shift), power(tile - shift)
        total = total * kept(factor) + kept(by_numpy(p))
        mixed = mixed * kept(factor) + np.matmul(kept(p), kept(v[..., i : i + block, :]))
        top = higher
    return over(rounded(mixed, s), rounded(total, s))


def backward(
    g: Array, q: Array, k: Array, v: Array, *, mask: Array | None = None, bias: Array | None = None,
    causal: bool = False, scale: float | None = None, rowsum: bool = False, stored: bool = False, late: bool = False,
    product: Product = matmul,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dv = p^T g, ds = p (dp - D). rowsum: D = sum g o. stored: p = exp(s - logsumexp). late: the scale after the products."""
    ungrouped(q, k)
    s = scores(q, k, mask=mask, bias=bias, causal=causal, scale=scale, product=product)
    p = weights(s)
    if stored:
        total = by_numpy(np.exp(s - above(s)))
        p = np.exp(s - (above(s) + np.log(np.where(total == 0, constant(1, s), total))))
    dp = product(g, np.swapaxes(v, -1, -2))
    ds = p * (dp - by_numpy(g * product(p, v) if rowsum else dp * p))
    first, last = (constant(1, q), scale_of(q, scale)) if late else (scale_of(q, scale), constant(1, q))
    d_k = product(np.swapaxes(ds * first, -1, -2), q) * last
    d_v = product(np.swapaxes(p, -1, -2), g)
    return product(ds * first, k) * last, sum_to(d_k, k.shape), sum_to(d_v, v.shape)


def of_torch(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None, causal: bool = False, scale: float | None = None, kernel: SDPBackend,
) -> torch.Tensor:  # fmt: skip
    if causal and (mask is not None or bias is not None):
        raise NotImplementedError("is_causal or attn_mask, not both")
    if q.ndim < 4 and kernel is SDPBackend.FLASH_ATTENTION:
        raise NotImplementedError("flash attention takes four axes")
    if mask is not None and bias is not None:
        mask, bias = None, bias.masked_fill(~mask, -torch.inf)
    grouped = q.ndim > 3 and k.shape[-3] != q.shape[-3]
    try:
        with sdpa_kernel([kernel]):
            return F.scaled_dot_product_attention(
                q, k, v, bias if mask is None else mask, is_causal=causal, scale=scale, enable_gqa=grouped
            )
    except RuntimeError as error:
        if "No available kernel" not in str(error):
            raise
        raise NotImplementedError(f"no {kernel.name} kernel for these strides and sizes") from error


def of_jax(
    q: jax.Array, k: jax.Array, v: jax.Array, *, mask: jax.Array | None = None, bias: jax.Array | None = None,
    causal: bool = False, scale: float | None = None,
) -> jax.Array:  # fmt: skip
    if q.ndim > 4:
        raise NotImplementedError("dot_product_attention takes one batch axis")
    if q.dtype == jnp.float16:
        raise NotImplementedError("on a CPU dot_product_attention has no product of float16 numbers (F16_F16_F32)")
    heads_last = [jnp.swapaxes(x[None] if x.ndim < 3 else x, -3, -2) for x in (q, k, v)]
    out = jax.nn.dot_product_attention(*heads_last, bias=bias, mask=mask, scale=scale, is_causal=causal)
    return jnp.swapaxes(out, -3, -2).reshape(*q.shape[:-1], v.shape[-1])


def in_plain_jax(
    q: jax.Array, k: jax.Array, v: jax.Array, *, mask: jax.Array | None = None, bias: jax.Array | None = None,
    scale: float | None = None,
) -> jax.Array:  # fmt: skip
    s = q @ jnp.swapaxes(k, -1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    s = s if bias is None else s + bias
    s = s if mask is None else jnp.where(mask, s, -jnp.inf)
    return jax.nn.softmax(s, axis=-1) @ v


def ours(how: str, source: str, function: Any, backward: Any = None) -> tuple[Control, ...]:
    return in_numpy("attention", how, source, function, vjp=backward)


CONTROLS: tuple[Control, ...] = (
    *ours("scale on the scores", VASWANI, plain, backward),
    *ours(
        "scale on the queries", SDPA, functools.partial(plain, place=on_queries), functools.partial(backward, late=True)
    ),
    *ours("scale on the keys", SDPA, functools.partial(plain, place=on_keys)),
    *ours("its root on queries and keys", SDPA, functools.partial(plain, place=root_on_both)),
    *ours("products in turn", "any order of summation", functools.partial(plain, product=product_in_turn)),
    *ours(
        "products in reverse",
        "any order of summation",
        functools.partial(plain, product=product_in_reverse),
        functools.partial(backward, product=product_in_reverse),
    ),
    *in_numpy(
        "attention",
        "fused multiply-adds",
        "any FMA unit",
        functools.partial(plain, product=product_fused),
        vjp=functools.partial(backward, product=product_fused),
        dtypes=("float32", "bfloat16", "float16"),
    ),
    *ours("products in blocks", "split-k", functools.partial(plain, product=product_in_blocks)),
    *ours("divided after the product with v", DAO, divided_last, functools.partial(backward, rowsum=True)),
    *ours("tiles of 1", ONLINE, functools.partial(flash, block=1)),
    *ours("tiles of 2", ONLINE, flash, functools.partial(backward, rowsum=True, stored=True)),
    *ours("tiles of 16", ONLINE, functools.partial(flash, block=16)),
    *ours("tiles of 3, from the end", ONLINE, functools.partial(flash, block=3, backwards=True)),
    *ours("exp2, tiles of 4", DAO_2, functools.partial(flash, block=4, two=True)),
    *in_torch("attention", "SDPA, math", SDPA, functools.partial(of_torch, kernel=SDPBackend.MATH)),
    *in_torch("attention", "SDPA, flash", SDPA, functools.partial(of_torch, kernel=SDPBackend.FLASH_ATTENTION)),
    *in_jax(
        "attention",
        "jax.nn.dot_product_attention, jit",
        "JAX",
        jax.jit(of_jax, static_argnames=("causal", "scale")),
    ),
    *in_jax("attention", "jax, jit", VASWANI, jax.jit(in_plain_jax, static_argnames="scale")),
)
