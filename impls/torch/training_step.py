"""One step of training the Transformer in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

from veriformer.impls import domain
from veriformer.impls.torch.adam import adam
from veriformer.impls.torch.clip_by_global_norm import clip_by_global_norm
from veriformer.impls.torch.cross_entropy import cross_entropy
from veriformer.impls.torch.transformer import transformer
from veriformer.impls.torch.warmup_schedule import warmup_schedule
from veriformer.impls.tree import flat, nested, rebuild

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
) -> tuple[torch.Tensor, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One step of training: the loss, its gradient, that gradient clipped, and what Adam makes of params and state.

    params: as for `transformer`. state: "step", the number of finished updates; "m" and "v", nested like params. batch:
    `source`, `target_in`, `target_out`, with -100 where no token is to be predicted, and, if there are any, `source_mask`
    and `target_mask`. keep: the masks of dropout, nested like params; see `transformer`. The learning rate is that of
    update step + 1. Nothing given is changed.
    """
    domain.batch(params, batch, d_model)
    domain.counted(torch.any(batch["target_out"] != IGNORED))
    options: dict[str, Any] = {"n_heads": n_heads, "keep": keep, "rate": rate}
    options |= {"source_mask": batch.get("source_mask"), "target_mask": batch.get("target_mask")}
    with torch.enable_grad():
        variables = rebuild(params, lambda _, leaf: leaf.detach().requires_grad_())
        logits = transformer(batch["source"], batch["target_in"], variables, **options)
        loss = cross_entropy(logits, batch["target_out"], label_smoothing=label_smoothing, ignore_index=IGNORED)
    named = flat(variables)
    found = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
    grads = nested(dict(zip(named, found, strict=True)), params)
    lr = warmup_schedule(state["step"] + 1, d_model=d_model, warmup=warmup)
    return loss.detach(), grads, *updated(params, state, grads, max_norm, lr)


def updated(
    params: dict[str, Any], state: dict[str, Any], grads: dict[str, Any], max_norm: float, lr: float
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The gradients clipped, and the parameters and the state after Adam's step, nested again."""
    moments = {"step": state["step"], "m": flat(state["m"]), "v": flat(state["v"])}
    clipped = clip_by_global_norm(flat(grads), max_norm)
    moved, new = adam(flat(params), clipped, moments, lr=lr)
    state = {"step": new["step"], "m": nested(new["m"], params), "v": nested(new["v"], params)}
    return nested(clipped, params), nested(moved, params), state
