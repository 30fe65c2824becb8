"""Honest softmaxes: shifted, naive where it is safe, online and tiled, by log-softmax, summed in every order."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

from tests.controls.arithmetic import SUMS, Array, above, by_numpy, constant, hidden, in_turn, kept, over, rounded
from tests.controls.control import WIDE, Control, in_jax, in_numpy, in_torch

BLANCHARD = "Blanchard, Higham & Higham 2021, algorithm 3.2"
ONLINE = "Milakov & Gimelshein 2018, algorithm 3"
Softmax = Callable[..., Array]


def shifted(x: Array, *, mask: Array | None = None, total: Any = by_numpy) -> Array:
    exponentials = np.exp(hidden(x, mask) - above(hidden(x, mask)))
    return over(exponentials, total(exponentials))


def naive(x: Array, *, mask: Array | None = None) -> Array:
    """exp(x) / sum exp(x)."""
    if np.abs(x).max(initial=0) > 80:
        raise NotImplementedError("exp(x) may overflow")
    exponentials = np.exp(hidden(x, mask))
    return over(exponentials, by_numpy(exponentials))


def times_the_reciprocal(x: Array, *, mask: Array | None = None) -> Array:
    exponentials = np.exp(hidden(x, mask) - above(hidden(x, mask)))
    return exponentials * over(constant(1, x), in_turn(exponentials))


def by_exp2(x: Array, *, mask: Array | None = None) -> Array:
    logits = hidden(x, mask)
    exponentials = np.exp2((logits - above(logits)) * constant(np.log2(np.e), x))
    return over(exponentials, by_numpy(exponentials))


def by_log_sum(x: Array, *, mask: Array | None = None) -> Array:
    logits = hidden(x, mask) - above(hidden(x, mask))
    total = by_numpy(np.exp(logits))
    return np.exp(logits - np.log(np.where(total == 0, constant(1, x), total)))


Part = tuple[Array, Array, Array]
"""Maximum, running sum of exponentials and their numerators, of some of the entries."""


def part(tile: Array) -> Part:
    numerators = np.exp(tile - above(tile))
    return np.max(tile, axis=-1, keepdims=True), kept(by_numpy(numerators)), numerators


def joined(a: Part, b: Part) -> Part:
    """Both rescaled to the common maximum."""
    top = np.maximum(a[0], b[0])
    shift = np.where(np.isneginf(top.astype(np.float64)), constant(0, top), top)
    left, right = (np.exp(one[0] - shift) for one in (a, b))
    total = a[1] * kept(left) + b[1] * kept(right)
    return top, total, np.concatenate([a[2] * left, b[2] * right], axis=-1)


def online(x: Array, *, mask: Array | None = None, block: int, backwards: bool = False) -> Array:
    """Tile by tile, what was summed before rescaled at every new maximum."""
    tiles = [part(hidden(x, mask)[..., i : i + block]) for i in range(0, x.shape[-1], block)]
    if backwards:
        _, total, numerators = functools.reduce(lambda right, left: joined(left, right), reversed(tiles))
    else:
        _, total, numerators = functools.reduce(joined, tiles)
    return over(numerators, rounded(total, x))


def by_tree(x: Array, *, mask: Array | None = None) -> Array:
    """Neighbouring entries joined two by two, as a warp reduces."""
    parts = [part(hidden(x, mask)[..., i : i + 1]) for i in range(x.shape[-1])]
    while len(parts) > 1:
        pairs = [joined(*parts[i : i + 2]) for i in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[len(pairs) * 2 :]
    return over(parts[0][2], rounded(parts[0][1], x))


def pulled_together(g: Array, x: Array, *, mask: Array | None = None) -> tuple[Array]:
    """p (g - sum p g)."""
    p = shifted(x, mask=mask)
    return (p * (g - by_numpy(p * g)),)


def pulled_apart(g: Array, x: Array, *, mask: Array | None = None) -> tuple[Array]:
    """p g - p sum p g."""
    p = by_exp2(x, mask=mask)
    return (p * g - p * in_turn(p * g),)


def safe_in_torch(x: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Each step a kernel of its own."""
    logits = x if mask is None else x.masked_fill(~mask, -torch.inf)
    exponentials = torch.exp(logits - logits.amax(-1, keepdim=True))
    return exponentials / exponentials.sum(-1, keepdim=True)


def of_torch(x: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
    return F.softmax(x if mask is None else x.masked_fill(~mask, -torch.inf), dim=-1)


@functools.cache
def compiled() -> Any:
    """When it is first called: to import the compiler takes seconds."""
    return torch.compile(lambda x: safe_in_torch(x), dynamic=True)


def by_inductor(x: torch.Tensor) -> torch.Tensor:
    answer: torch.Tensor = compiled()(x)
    return answer


def safe_in_jax(x: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
    logits = x if mask is None else jnp.where(mask, x, -jnp.inf)
    exponentials = jnp.exp(logits - jax.lax.stop_gradient(logits.max(-1, keepdims=True)))
    return exponentials / exponentials.sum(-1, keepdims=True)


CONTROLS: tuple[Control, ...] = (
    *(
        one
        for total in SUMS
        for one in in_numpy(
            "softmax",
            f"shifted, summed {total.__name__}",
            BLANCHARD,
            functools.partial(shifted, total=total),
            vjp=pulled_together,
        )
    ),
    *in_numpy("softmax", "naive, where exp(x) cannot overflow", "the formula itself", naive, dtypes=WIDE),
    *in_numpy("softmax", "times the reciprocal", "vectorised libraries", times_the_reciprocal, vjp=pulled_apart),
    *in_numpy("softmax", "exp2, log2(e) multiplied in", "Dao 2023, FlashAttention-2", by_exp2),
    *in_numpy("softmax", "exp of log-softmax", BLANCHARD, by_log_sum),
    *(
        one
        for block in (1, 2, 3, 16)
        for one in in_numpy("softmax", f"online, tiles of {block}", ONLINE, functools.partial(online, block=block))
    ),
    *in_numpy(
        "softmax", "online, tiles of 4, from the end", ONLINE, functools.partial(online, block=4, backwards=True)
    ),
    *in_numpy("softmax", "online, joined in a tree", ONLINE, by_tree),
    *in_torch("softmax", "torch.nn.functional.softmax", "PyTorch", of_torch),
    *in_torch("softmax", "torch, eager", BLANCHARD, safe_in_torch),
    *in_torch("softmax", "torch.compile", "PyTorch's inductor", by_inductor, slow=True, only={"rank": 2}),
    *in_jax("softmax", "jax.nn.softmax, jit", "JAX", jax.jit(lambda x: jax.nn.softmax(x))),
    *in_jax("softmax", "jax, jit", BLANCHARD, jax.jit(safe_in_jax), slow=True),
    *in_jax("softmax", "jax, eager", BLANCHARD, safe_in_jax, slow=True, dtypes=("float32", "bfloat16")),
)
