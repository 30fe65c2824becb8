"""Workloads: a row per component and size, with the call to time, its operations and its least memory traffic.

Counting. One addition, subtraction, multiplication, division, comparison, exponential or square root is one operation
("flop"), so that a formula can be read off the component's definition; a fused multiply-add is two. For an array of r
rows of n numbers:

    softmax      maximum n - 1, subtract n, exp n, sum n - 1, divide n                             r (5 n - 2)
    layer_norm   mean n, subtract n, square n, mean n, add eps and take the root 2, divide n,
                 times gamma n, plus beta n                                                        r (7 n + 2)
    product      (r, n) by (n, m): r m dot products of n numbers, as everybody counts them         2 r n m
    attention    per head: q k^T, the scale, the softmax, weights v
                                             2 L_q L_k d_k + L_q L_k + L_q (5 L_k - 2) + 2 L_q L_k d_v
    encoder_layer   four projections and n_heads heads of attention; two products, biases and relu of width d_ff;
                    two additions; two layer norms (see `encoder_layer_flops`)

Bytes are the least that must cross the memory bus: each input read once, the output written once, four bytes a number.
What stays in a cache between calls may cost less, a score matrix that does not fit costs more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from veriformer.impls.protocol import Call

FLOAT32_BYTES = 4
SEED = 20170612
"""Of every input array: the day the paper was posted."""
FEED_FORWARD_FACTOR = 4
"""d_ff / d_model, as in the paper (2048 / 512)."""
N_HEADS = 8
"""As in the paper."""


@dataclass(frozen=True)
class Workload:
    """One component at one size."""

    component: str
    shape: tuple[int, ...]
    """Of the first argument."""
    sizes: Mapping[str, int]
    """By the names that `only=` uses."""
    call: Callable[[], Call]
    """Makes the question: seeded float32 arrays."""
    flops: int
    bytes: int
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keywords that the call needs."""

    @property
    def name(self) -> str:
        """`softmax 512x512`"""
        return f"{self.component} {'x'.join(map(str, self.shape))}"


def numbers(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Ordinary float32 numbers, standard normal."""
    return generator.standard_normal(shape, dtype=np.float32)


def weights(generator: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """A weight matrix that keeps the size of its input: variance 1 / rows."""
    return numbers(generator, rows, columns) / np.float32(math.sqrt(rows))


def softmax_flops(rows: int, n: int) -> int:
    """The formula above."""
    return rows * (5 * n - 2)


def softmax(*shape: int) -> Workload:
    """softmax over the last axis."""
    *batch, n = shape
    return Workload(
        component="softmax",
        shape=shape,
        sizes={"length": n, "rank": len(shape)},
        call=lambda: Call("softmax", (numbers(np.random.default_rng(SEED), *shape),)),
        flops=softmax_flops(math.prod(batch), n),
        bytes=FLOAT32_BYTES * 2 * math.prod(shape),
    )


def attention_flops(length_q: int, length_k: int, d_k: int, d_v: int) -> int:
    """One head without a mask; the formula above."""
    scores = length_q * length_k
    return 2 * scores * d_k + scores + softmax_flops(length_q, length_k) + 2 * scores * d_v


def attention(*shape: int) -> Workload:
    """Self-attention without a mask: q, k and v are three arrays of one shape, (..., L, d_k)."""
    *batch, length, d_k = shape

    def call() -> Call:
        generator = np.random.default_rng(SEED)
        return Call("attention", tuple(numbers(generator, *shape) for _ in "qkv"))

    return Workload(
        component="attention",
        shape=shape,
        sizes={"length": length, "d_k": d_k, "d_v": d_k, "rank": len(shape)},
        call=call,
        flops=math.prod(batch) * attention_flops(length, length, d_k, d_k),
        bytes=FLOAT32_BYTES * 4 * math.prod(shape),
    )


def layer_norm_flops(rows: int, n: int) -> int:
    """The formula above."""
    return rows * (7 * n + 2)


def layer_norm(*shape: int) -> Workload:
    """layer_norm over the last axis, with the default eps."""
    *batch, n = shape

    def call() -> Call:
        generator = np.random.default_rng(SEED)
        return Call("layer_norm", (numbers(generator, *shape), numbers(generator, n), numbers(generator, n)))

    return Workload(
        component="layer_norm",
        shape=shape,
        sizes={"d_model": n, "rank": len(shape)},
        call=call,
        flops=layer_norm_flops(math.prod(batch), n),
        bytes=FLOAT32_BYTES * (2 * math.prod(shape) + 2 * n),
    )


def encoder_layer_flops(length: int, d_model: int, d_ff: int, n_heads: int) -> int:
    """One sequence, relu, no biases in the attention (as in the paper's formula)."""
    d_k = d_model // n_heads
    projections = 4 * 2 * length * d_model * d_model
    heads = n_heads * attention_flops(length, length, d_k, d_k)
    feed_forward = 2 * 2 * length * d_model * d_ff + 2 * length * d_ff + length * d_model  # products; b_1, relu; b_2
    residuals = 2 * length * d_model
    return projections + heads + feed_forward + residuals + 2 * layer_norm_flops(length, d_model)


def encoder_layer_parameters(generator: np.random.Generator, d_model: int, d_ff: int) -> dict[str, Any]:
    """The nested parameters of one layer."""
    norm = {"gamma": np.ones(d_model, np.float32), "beta": np.zeros(d_model, np.float32)}
    return {
        "self_attention": {name: weights(generator, d_model, d_model) for name in ("w_q", "w_k", "w_v", "w_o")},
        "feed_forward": {
            "w_1": weights(generator, d_model, d_ff),
            "b_1": numbers(generator, d_ff),
            "w_2": weights(generator, d_ff, d_model),
            "b_2": numbers(generator, d_model),
        },
        "norm_1": dict(norm),
        "norm_2": dict(norm),
    }


def encoder_layer(*shape: int) -> Workload:
    """A whole encoder layer with its defaults (post-norm, relu), (..., L, d_model)."""
    *batch, length, d_model = shape
    d_ff = FEED_FORWARD_FACTOR * d_model
    parameters = 4 * d_model**2 + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model
    options = {"n_heads": N_HEADS}

    def call() -> Call:
        generator = np.random.default_rng(SEED)
        x = numbers(generator, *shape)
        return Call("encoder_layer", (x, encoder_layer_parameters(generator, d_model, d_ff)), options)

    return Workload(
        component="encoder_layer",
        shape=shape,
        sizes={"length": length, "d_model": d_model, "d_k": d_model // N_HEADS, "n_heads": N_HEADS, "rank": len(shape)},
        call=call,
        flops=math.prod(batch) * encoder_layer_flops(length, d_model, d_ff, N_HEADS),
        bytes=FLOAT32_BYTES * (2 * math.prod(shape) + parameters),
        options=options,
    )


WORKLOADS = (
    softmax(8, 64),
    softmax(512, 512),
    softmax(2048, 512),
    attention(8, 64),
    attention(512, 512),
    attention(1, 8, 2048, 64),
    layer_norm(8, 64),
    layer_norm(512, 512),
    layer_norm(2048, 512),
    encoder_layer(8, 64),
    encoder_layer(512, 512),
    encoder_layer(1, 2048, 512),
)
"""For each component a small one (what a call costs), a middle one, and one of the paper's width, 8 heads of 64."""


def chosen(components: Sequence[str] | None = None, *, quick: bool = False) -> tuple[Workload, ...]:
    """The workloads of the components named (None: of all); `quick` keeps the smallest of each component."""
    found = [row for row in WORKLOADS if components is None or row.component in components]
    if quick:
        smallest: dict[str, Workload] = {}
        for row in sorted(found, key=lambda row: row.flops):
            smallest.setdefault(row.component, row)
        found = [row for row in found if smallest[row.component] is row]
    return tuple(found)
