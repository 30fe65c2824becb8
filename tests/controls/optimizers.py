"""Honest Adams, AdamWs and clippings: the corrections in three orders, fused, the norm of norms, torch.optim as it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from tests.controls.arithmetic import Array, by_numpy, constant, in_reverse, in_turn
from tests.controls.control import WIDE, Control, in_jax, in_numpy, in_torch
from tests.controls.torch_optim import Named, stepped

KINGMA = "Kingma & Ba 2015, algorithm 1"
PASCANU = "Pascanu et al. 2013, algorithm 1"
Step = Callable[[Array, Array, Array, float, float, float, int], Array]


def as_written(p: Array, m: Array, v: Array, beta_1: float, beta_2: float, eps: float, t: int) -> Array:
    """m_hat / (sqrt(v_hat) + eps)."""
    m_hat = m / constant(1 - beta_1**t, m)
    v_hat = v / constant(1 - beta_2**t, v)
    return m_hat / (np.sqrt(v_hat) + constant(eps, m))


def roots_apart(p: Array, m: Array, v: Array, beta_1: float, beta_2: float, eps: float, t: int) -> Array:
    """sqrt(v) / sqrt(1 - beta_2^t) + eps, as torch.optim has it; the first correction is a part of the step size."""
    denominator = np.sqrt(v) / constant(np.sqrt(1 - beta_2**t), v) + constant(eps, m)
    return m / denominator * constant(1 / (1 - beta_1**t), m)


def in_place(m: Array, g: Array, beta: float) -> Array:
    """m + (1 - beta) (g - m), torch's lerp."""
    return m + constant(1 - beta, m) * (g - m)


def weighted(m: Array, g: Array, beta: float) -> Array:
    return constant(beta, m) * m + constant(1 - beta, m) * g


def adam(
    params: Named, grads: Named, state: Named, *, lr: float, beta_1: float = 0.9, beta_2: float = 0.98, eps: float = 1e-9,
    weight_decay: float = 0.0, direction: Step = as_written, moment: Any = weighted, decoupled: bool = False,
) -> tuple[Named, Named]:  # fmt: skip
    t, out, m_new, v_new = int(state["step"]) + 1, {}, {}, {}
    for name, p in params.items():
        decay = constant(weight_decay, p)
        g = grads[name] if decoupled else grads[name] + decay * p
        m, v = moment(state["m"][name], g, beta_1), weighted(state["v"][name], g * g, beta_2)
        step = constant(lr, p) * direction(p, m, v, beta_1, beta_2, eps, t)
        out[name] = (p * constant(1 - lr * weight_decay, p) if decoupled else p) - step
        m_new[name], v_new[name] = m, v
    return out, {"step": t, "m": m_new, "v": v_new}


def of_torch(
    params: Named, grads: Named, state: Named, *, lr: float, beta_1: float = 0.9, beta_2: float = 0.98, eps: float = 1e-9,
    weight_decay: float = 0.0, kind: type[torch.optim.Optimizer], **how: bool,
) -> tuple[Named, Named]:  # fmt: skip
    given = {"lr": lr, "betas": (beta_1, beta_2), "eps": eps, "weight_decay": weight_decay, **how}
    return stepped(kind, params, grads, state, given)


def in_plain_jax(
    params: Named,
    grads: Named,
    state: Named,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
) -> tuple[Named, Named]:
    t = state["step"] + 1

    def tree(change: Any, *trees: Named) -> Named:
        return {name: change(*(one[name] for one in trees)) for name in params}

    m = tree(lambda m, g: beta_1 * m + (1 - beta_1) * g, state["m"], grads)
    v = tree(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, state["v"], grads)
    out = tree(lambda p, m, v: p - lr * (m / (1 - beta_1**t)) / (jnp.sqrt(v / (1 - beta_2**t)) + eps), params, m, v)
    return out, {"step": t, "m": m, "v": v}


def clip(grads: Named, max_norm: float, *, total: Any = by_numpy, how: str = "factor") -> Named:
    """how: the factor min(1, c / norm), or g / norm * c, or the norm of the arrays' norms."""
    flat = [g.reshape(1, -1) for g in grads.values()]
    if not flat:
        return {}
    one = next(iter(grads.values()))
    if how == "norms":
        norms = np.concatenate([np.sqrt(total(g * g)) for g in flat], axis=-1)
        norm = np.sqrt(total(norms * norms))[0, 0]
    else:
        norm = np.sqrt(total(np.concatenate([total(g * g) for g in flat], axis=-1)))[0, 0]
    c = constant(max_norm, one)
    if norm <= c:
        return {name: g.copy() for name, g in grads.items()}
    return {name: g / norm * c if how == "quotient" else g * (c / norm) for name, g in grads.items()}


def clip_in_torch(grads: Named, max_norm: float) -> Named:
    """torch.nn.utils.clip_grad_norm_ divides by the norm plus 1e-6."""
    own = {name: torch.nn.Parameter(torch.zeros_like(g)) for name, g in grads.items()}
    for name, p in own.items():
        p.grad = grads[name].clone()
    torch.nn.utils.clip_grad_norm_(list(own.values()), max_norm)
    return {name: p.grad for name, p in own.items()}


def clip_in_jax(grads: Named, max_norm: float) -> Named:
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in grads.values()))
    return {name: jnp.where(norm < max_norm, g, g / norm * max_norm) for name, g in grads.items()}


def optimizer(component: str, how: str, source: str, **choice: Any) -> tuple[Control, ...]:
    function = functools.partial(adam, decoupled=component == "adamw", **choice)
    return in_numpy(component, how, source, function)


def torch_optimizer(component: str, how: str, **choice: Any) -> tuple[Control, ...]:
    kind = torch.optim.Adam if component == "adam" else torch.optim.AdamW
    return in_torch(component, how, "torch.optim", functools.partial(of_torch, kind=kind, **choice), dtypes=WIDE)


CONTROLS: tuple[Control, ...] = (
    *(
        one
        for component in ("adam", "adamw")
        for one in (
            *optimizer(component, "as written", KINGMA),
            *optimizer(component, "the roots apart", "torch.optim, single tensor", direction=roots_apart),
            *optimizer(component, "moments by lerp", "torch.optim, foreach", moment=in_place),
            *torch_optimizer(component, "torch.optim, single tensor", foreach=False),
            *torch_optimizer(component, "torch.optim, foreach", foreach=True),
            *torch_optimizer(component, "torch.optim, fused", fused=True),
        )
    ),
    *in_jax("adam", "jax, jit", "optax.adam", jax.jit(in_plain_jax, static_argnames=("beta_1", "beta_2", "eps"))),
    *in_numpy("clip_by_global_norm", "factor times the gradients", PASCANU, clip),
    *in_numpy("clip_by_global_norm", "summed in turn", PASCANU, functools.partial(clip, total=in_turn)),
    *in_numpy(
        "clip_by_global_norm",
        "g / norm * c",
        "optax.clip_by_global_norm",
        functools.partial(clip, total=in_reverse, how="quotient"),
    ),
    *in_numpy("clip_by_global_norm", "the norm of norms", "torch.nn.utils", functools.partial(clip, how="norms")),
    *in_torch(
        "clip_by_global_norm", "torch.nn.utils.clip_grad_norm_", "PyTorch", clip_in_torch, under="norm_plus_1e-6"
    ),
    *in_jax("clip_by_global_norm", "jax, jit", "optax.clip_by_global_norm", jax.jit(clip_in_jax)),
)
