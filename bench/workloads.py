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
    dropout      compare n, divide n (what the generator does is not counted)                         r 2 n
    training_step   a Transformer of one layer each, its logits and loss: three times the forward pass, since the
                    gradient of a product is two products; 15 for each parameter: clipping 3, Adam 12
                    (see `training_step_flops`)
    encoder_layer   four projections and n_heads heads of attention; two products, biases and relu of width d_ff;
                    two additions; two layer norms (see `encoder_layer_flops`)

Bytes are the least that must cross the memory bus: each input read once, the output written once, four bytes a number;
tokens are not counted.
What stays in a cache between calls may cost less, a score matrix that does not fit costs more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from veriformer.impls.protocol import Call
from veriformer.impls.tree import rebuild

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
    """Of the first argument; of a step of training that of a batch, embedded."""
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


def dropout(*shape: int) -> Workload:
    """Dropout in training, at the paper's rate."""
    return Workload(
        component="dropout",
        shape=shape,
        sizes={"rank": len(shape)},
        call=lambda: Call("dropout", (numbers(np.random.default_rng(SEED), *shape), 0.1, 1)),
        flops=2 * math.prod(shape),
        bytes=FLOAT32_BYTES * 2 * math.prod(shape),
    )


def decoder_layer_flops(length: int, d_model: int, d_ff: int, n_heads: int) -> int:
    """An encoder layer, and attention on a memory of the same length with its residual and norm."""
    d_k = d_model // n_heads
    consulting = 4 * 2 * length * d_model * d_model + n_heads * attention_flops(length, length, d_k, d_k)
    own = encoder_layer_flops(length, d_model, d_ff, n_heads)
    return own + consulting + length * d_model + layer_norm_flops(length, d_model)


def training_step_flops(batch: int, length: int, d_model: int, vocabulary: int, n_heads: int, parameters: int) -> int:
    """The formula above; embedding, scale and positions are two operations a number, the loss a softmax and a logarithm."""
    d_ff = FEED_FORWARD_FACTOR * d_model
    layers = encoder_layer_flops(length, d_model, d_ff, n_heads) + decoder_layer_flops(length, d_model, d_ff, n_heads)
    tables = 2 * 2 * length * d_model + 2 * length * d_model * vocabulary
    loss = softmax_flops(length, vocabulary) + length
    return 3 * batch * (layers + tables + loss) + 15 * parameters


def training_step(batch: int, length: int, d_model: int) -> Workload:
    """One encoder layer and one decoder layer, tied tables of d_model words, nothing padded."""
    d_ff, vocabulary = FEED_FORWARD_FACTOR * d_model, d_model
    layer = 4 * d_model**2 + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model
    parameters = 2 * layer + 4 * d_model**2 + 2 * d_model + (vocabulary + length) * d_model
    schedule = {"warmup": 4000, "max_norm": 1.0, "label_smoothing": 0.1}
    options = {"n_heads": N_HEADS, "d_model": d_model, **schedule}

    def call() -> Call:
        generator = np.random.default_rng(SEED)
        below = encoder_layer_parameters(generator, d_model, d_ff)
        above = encoder_layer_parameters(generator, d_model, d_ff)
        above["cross_attention"] = {name: weights(generator, d_model, d_model) for name in ("w_q", "w_k", "w_v", "w_o")}
        above["norm_3"] = dict(above["norm_1"])
        params = {
            "embedding": weights(generator, d_model, vocabulary).T.copy(),
            "positions": numbers(generator, length, d_model),
            "encoder": {"layers": [below]},
            "decoder": {"layers": [above]},
        }
        zeros = rebuild(params, lambda _, leaf: np.zeros_like(leaf))
        tokens = {
            name: generator.integers(0, vocabulary, (batch, length)) for name in ("source", "target_in", "target_out")
        }
        return Call("training_step", (params, {"step": 0, "m": zeros, "v": zeros}, tokens), options)

    return Workload(
        component="training_step",
        shape=(batch, length, d_model),
        sizes={"length": length, "d_model": d_model, "n_heads": N_HEADS, "vocabulary": vocabulary},
        call=call,
        flops=training_step_flops(batch, length, d_model, vocabulary, N_HEADS, parameters),
        bytes=FLOAT32_BYTES * (8 * parameters),
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
    dropout(8, 64),
    dropout(512, 512),
    dropout(2048, 512),
    training_step(1, 8, 64),
    training_step(2, 64, 128),
    training_step(2, 64, 512),
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
