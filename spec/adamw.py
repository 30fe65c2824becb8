"""adamw: Adam, with every parameter also drawn towards 0 by itself, past the moments."""

from __future__ import annotations

from typing import Any

from veriformer.spec.adam import (
    BIAS_CORRECTION,
    EPS_PLACE,
    HONEST,
    LARGEST_OF,
    Named,
    State,
    adam,
    both,
    check,
    corrections,
    displacement,
    measured_by,
    next_moments,
    opposite,
)
from veriformer.spec.component import Convention, Honest, component
from veriformer.spec.numbers import number

DECAY = Convention(
    "decay",
    ("times_lr", "without_lr"),
    "Our signature: lr weight_decay p. Loshchilov & Hutter 2019, algorithm 2, multiply the decay by a schedule without the "
    "learning rate.",
    {"times_lr": "torch.optim.AdamW, optax.adamw", "without_lr": "the paper; tf.contrib.opt.AdamWOptimizer, Composer"},
    default="times_lr",
)


@component(
    source="Loshchilov & Hutter 2019, algorithm 2",
    honest=(
        *HONEST,
        Honest("p (1 - lr weight_decay) first, or the decay as a part of the step", "PyTorch; optax.adamw"),
    ),
    conventions=(EPS_PLACE, BIAS_CORRECTION, DECAY, LARGEST_OF),
)
def adamw(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
    eps_place: str = "after_correction",
    bias_correction: str = "on",
    decay: str = "times_lr",
    largest_of: str = "raw",
) -> tuple[Named, State]:
    """p' = p - lr weight_decay p - lr m-hat / (sqrt(v-hat) + eps), with the moments of adam: the decay is not in them.

    params, grads: name -> array, of the same names and shapes. state: {"step": finished updates, 0 at first, "m", "v": name
    -> array, 0 at first}. Returns the new params and the new state; nothing given is changed. amsgrad, maximize: as in adam.
    Corners: those of adam; with weight_decay = 0 it is adam.
    Raises ValueError when names or shapes differ, for betas outside [0, 1), and for a negative lr, eps or weight_decay.
    """
    check(params, grads, state, (beta_1, beta_2), {"lr": lr, "eps": eps, "weight_decay": weight_decay})
    new = next_moments(opposite(grads, maximize), state, beta_1, beta_2)
    moved = {}
    for name, p in params.items():
        by = corrections((beta_1, beta_2), new["step"], bias_correction, like=p)
        v, by = measured_by(new, state, by, name, largest_of) if amsgrad else (new["v"][name], by)
        step = displacement(new["m"][name], v, by, number(lr, like=p), number(eps, like=p), eps_place=eps_place)
        share = number(weight_decay, like=p)
        if decay == "times_lr":
            share = number(lr, like=p) * share
        moved[name] = both(p, step, share) if weight_decay else p - step
    return moved, new


@adamw.slip("an L2 decay, added to the gradient")
def as_a_penalty(params: Named, grads: Named, state: State, *, decay: str = "", **options: Any) -> tuple[Named, State]:
    return adam(params, grads, state, **options)


@both.slip("a decay with the wrong sign: the parameter grows")
def grown(p: Any, step: Any, share: Any) -> Any:
    return p + share * p - step


@both.slip("the decay of what the step has reached, not of the parameter")
def decayed_after_the_step(p: Any, step: Any, share: Any) -> Any:
    return (p - step) - share * (p - step)
