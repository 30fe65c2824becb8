"""Honest log-softmaxes and cross-entropies: by shift and log-sum-exp, online over tiles of classes, smoothed in two ways."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

from tests.controls.arithmetic import Array, above, by_numpy, constant, in_reverse, in_turn, over, rounded
from tests.controls.control import Control, in_jax, in_numpy, in_torch
from tests.controls.softmax import joined, part

BLANCHARD = "Blanchard, Higham & Higham 2021"
ONLINE = "Milakov & Gimelshein 2018"
LIGER = "Liger Kernel's and flash-attention's cross-entropy"


def by_shift(x: Array, *, total: Any = by_numpy) -> Array:
    shifted = x - above(x)
    return shifted - np.log(total(np.exp(shifted)))


def by_log_sum_exp(x: Array) -> Array:
    return x - (above(x) + np.log(by_numpy(np.exp(x - above(x)))))


def online(x: Array, *, block: int) -> Array:
    top, total, _ = functools.reduce(joined, [part(x[..., i : i + block]) for i in range(0, x.shape[-1], block)])
    return (x - top) - np.log(rounded(total, x))


def log_backward(g: Array, x: Array) -> tuple[Array]:
    """g - p sum g."""
    exponentials = np.exp(x - above(x))
    return (g - over(exponentials, by_numpy(exponentials)) * by_numpy(g),)


def cross_entropy(
    logits: Array, targets: Array, *, label_smoothing: float = 0.0, reduction: str = "mean", log_softmax: Any = by_shift,
    smoothed: str = "target",
) -> Array:  # fmt: skip
    """Classes as targets; smoothed in the target, or as a mixture of two losses."""
    if targets.dtype.kind != "i":
        raise NotImplementedError("classes alone")
    if ((targets < 0) | (targets >= logits.shape[-1])).any():
        raise NotImplementedError("no target is ignored")
    log_p, classes = log_softmax(logits), logits.shape[-1]
    e = constant(label_smoothing, logits)
    hit = np.arange(classes) == targets[..., None]
    if smoothed == "target":
        even = e / constant(classes, logits)
        q = np.where(hit, constant(1 - label_smoothing, logits) + even, even)
        losses = -by_numpy(q * log_p)[..., 0]
    else:
        of_target = -np.take_along_axis(log_p, targets[..., None], -1)[..., 0]
        losses = of_target
        if label_smoothing:
            spread = -by_numpy(log_p)[..., 0] / constant(classes, logits)
            losses = constant(1 - label_smoothing, logits) * of_target + e * spread
    if reduction == "none":
        return losses
    flat = losses.reshape(1, -1)
    total = by_numpy(flat)[0, 0]
    return total / constant(flat.size, logits) if reduction == "mean" else total


def of_torch(
    logits: torch.Tensor, targets: torch.Tensor, *, label_smoothing: float = 0.0, ignore_index: int | None = None,
    weight: torch.Tensor | None = None, reduction: str = "mean",
) -> torch.Tensor:  # fmt: skip
    probable = targets.is_floating_point()
    if probable and ignore_index is not None:
        raise NotImplementedError("probabilities are not ignored")
    rows = logits.reshape(-1, logits.shape[-1])
    flat = targets.reshape(rows.shape) if probable else targets.reshape(-1)
    ignored = {} if ignore_index is None else {"ignore_index": ignore_index}
    out = F.cross_entropy(rows, flat, weight=weight, label_smoothing=label_smoothing, reduction=reduction, **ignored)
    return out.reshape(logits.shape[:-1]) if reduction == "none" else out


def in_plain_jax(
    logits: jax.Array, targets: jax.Array, *, label_smoothing: float = 0.0, reduction: str = "mean"
) -> jax.Array:
    """As optax.smooth_labels and softmax_cross_entropy."""
    if jnp.issubdtype(targets.dtype, jnp.floating):
        raise NotImplementedError("classes alone")
    classes = logits.shape[-1]
    hot = jax.nn.one_hot(targets, classes, dtype=logits.dtype)
    q = (1 - label_smoothing) * hot + label_smoothing / classes
    losses = -(q * jax.nn.log_softmax(logits)).sum(-1)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def loss(how: str, source: str, **choice: Any) -> tuple[Control, ...]:
    return in_numpy("cross_entropy", how, source, functools.partial(cross_entropy, **choice))


CONTROLS: tuple[Control, ...] = (
    *in_numpy("log_softmax", "by shift", "torch.log_softmax, jax.nn.log_softmax", by_shift, vjp=log_backward),
    *in_numpy("log_softmax", "by shift, summed in turn", BLANCHARD, functools.partial(by_shift, total=in_turn)),
    *in_numpy("log_softmax", "by shift, summed in reverse", BLANCHARD, functools.partial(by_shift, total=in_reverse)),
    *in_numpy("log_softmax", "x - logsumexp(x)", BLANCHARD, by_log_sum_exp),
    *in_numpy("log_softmax", "online, tiles of 1", ONLINE, functools.partial(online, block=1)),
    *in_numpy("log_softmax", "online, tiles of 4", ONLINE, functools.partial(online, block=4)),
    *in_torch("log_softmax", "torch.nn.functional.log_softmax", "PyTorch", lambda x: F.log_softmax(x, dim=-1)),
    *in_jax("log_softmax", "jax.nn.log_softmax, jit", "JAX", jax.jit(lambda x: jax.nn.log_softmax(x))),
    *loss("by shift, smoothed in the target", "optax.smooth_labels"),
    *loss("by logsumexp, a mixture of two losses", "fairseq", log_softmax=by_log_sum_exp, smoothed="mixture"),
    *loss("online over tiles of classes", LIGER, log_softmax=functools.partial(online, block=3), smoothed="mixture"),
    *in_torch("cross_entropy", "torch.nn.functional.cross_entropy", "PyTorch", of_torch),
    *in_jax(
        "cross_entropy",
        "jax, jit",
        "optax.softmax_cross_entropy",
        jax.jit(in_plain_jax, static_argnames=("label_smoothing", "reduction")),
    ),
)
