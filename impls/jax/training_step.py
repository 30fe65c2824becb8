"""One step of training the Transformer in JAX."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from veriformer.impls import domain
from veriformer.impls.jax.adam import adam
from veriformer.impls.jax.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.jax.cross_entropy import cross_entropy
from veriformer.impls.jax.transformer import transformer
from veriformer.impls.jax.warmup_schedule import warmup_schedule
from veriformer.impls.tree import flat, nested

IGNORED = -100
"""A target that does not count."""


def training_step(
    params: dict[str, Any],
    state: dict[str, Any],
    batch: dict[str, Any],
    *,
    n_heads: int,
    d_model: int,
    warmup: int,
    max_norm: float,
    label_smoothing: float,
    keep: dict[str, Any] | None = None,
    rate: float = 0.1,
) -> tuple[jax.Array, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One step of training: the loss, its gradient, that gradient clipped, and what Adam makes of params and state.

    params: as for `transformer`. state: "step", the number of finished updates; "m" and "v", nested like params. batch:
    `source`, `target_in`, `target_out`, with -100 where no token is to be predicted, and, if there are any, `source_mask`
    and `target_mask`. keep: the masks of dropout, nested like params; see `transformer`. The learning rate is that of
    update step + 1. Nothing given is changed.
    """
    domain.batch(params, batch, d_model)
    domain.counted(jnp.any(batch["target_out"] != IGNORED))
    outside = (batch["target_out"] != IGNORED) & (
        (batch["target_out"] < 0) | (batch["target_out"] >= params["embedding"].shape[0])
    )
    domain.classes(outside, params["embedding"].shape[0], IGNORED)
    loss, grads = _loss_and_gradient(params, batch, keep, n_heads=n_heads, label_smoothing=label_smoothing, rate=rate)
    lr = warmup_schedule(state["step"] + 1, d_model=d_model, warmup=warmup)
    return loss, grads, *updated(params, state, grads, max_norm, lr)


@functools.partial(jax.jit, static_argnames=("n_heads", "label_smoothing", "rate"))
def _loss_and_gradient(
    params: dict[str, Any],
    batch: dict[str, Any],
    keep: dict[str, Any] | None,
    *,
    n_heads: int,
    label_smoothing: float,
    rate: float,
) -> tuple[jax.Array, dict[str, Any]]:
    masks = {name: batch.get(name) for name in ("source_mask", "target_mask")}

    def loss(params: dict[str, Any]) -> jax.Array:
        logits = transformer(
            batch["source"], batch["target_in"], params, n_heads=n_heads, keep=keep, rate=rate, **masks
        )
        return cross_entropy(logits, batch["target_out"], label_smoothing=label_smoothing, ignore_index=IGNORED)

    return jax.value_and_grad(loss)(params)


def updated(
    params: dict[str, Any], state: dict[str, Any], grads: dict[str, Any], max_norm: float, lr: float | jax.Array
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The gradients clipped, and the parameters and the state after Adam's step, nested again."""
    moments = {"step": state["step"], "m": flat(state["m"]), "v": flat(state["v"])}
    clipped = clip_by_global_norm(flat(grads), max_norm)
    moved, new = adam(flat(params), clipped, moments, lr=lr)
    state = {"step": new["step"], "m": nested(new["m"], params), "v": nested(new["v"], params)}
    return nested(clipped, params), nested(moved, params), state
