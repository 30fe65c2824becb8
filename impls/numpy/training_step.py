"""One step of training the Transformer, its gradient by hand, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls import domain
from veriformer.impls.numpy.adam import adam
from veriformer.impls.numpy.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.numpy.cross_entropy import cross_entropy, cross_entropy_vjp
from veriformer.impls.numpy.transformer import transformer, transformer_vjp
from veriformer.impls.numpy.warmup_schedule import warmup_schedule
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
) -> tuple[np.ndarray, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One step of training: the loss, its gradient, that gradient clipped, and what Adam makes of params and state.

    params: as for `transformer`. state: "step", the number of finished updates; "m" and "v", nested like params. batch:
    `source`, `target_in`, `target_out`, with -100 where no token is to be predicted, and, if there are any, `source_mask`
    and `target_mask`. keep: the masks of dropout, nested like params; see `transformer`. The learning rate is that of
    update step + 1. Nothing given is changed.
    """
    domain.batch(params, batch, d_model)
    domain.counted(np.any(batch["target_out"] != IGNORED))
    options: dict[str, Any] = {"n_heads": n_heads, "keep": keep, "rate": rate}
    options |= {"source_mask": batch.get("source_mask"), "target_mask": batch.get("target_mask")}
    told: dict[str, Any] = {"label_smoothing": label_smoothing, "ignore_index": IGNORED}

    logits = transformer(batch["source"], batch["target_in"], params, **options)
    loss = cross_entropy(logits, batch["target_out"], **told)
    (d_logits,) = cross_entropy_vjp(np.ones_like(loss), logits, batch["target_out"], **told)
    (grads,) = transformer_vjp(d_logits, batch["source"], batch["target_in"], params, **options)
    lr = warmup_schedule(state["step"] + 1, d_model=d_model, warmup=warmup)
    return loss, grads, *updated(params, state, grads, max_norm, lr)


def updated(
    params: dict[str, Any], state: dict[str, Any], grads: dict[str, Any], max_norm: float, lr: float
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The gradients clipped, and the parameters and the state after Adam's step, nested again."""
    moments = {"step": state["step"], "m": flat(state["m"]), "v": flat(state["v"])}
    clipped = clip_by_global_norm(flat(grads), max_norm)
    moved, new = adam(flat(params), clipped, moments, lr=lr)
    state = {"step": new["step"], "m": nested(new["m"], params), "v": nested(new["v"], params)}
    return nested(clipped, params), nested(moved, params), state
