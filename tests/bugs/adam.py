"""Bugs of Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bugs.bug import Bug
from veriformer.impls.numpy.adam import next_state

Array = np.ndarray
Named = dict[str, Array]
State = dict[str, Any]
Step = Callable[[Array, Array, int, float, float, float], Array]
"""(m, v, updates, beta_1, beta_2, eps) -> the step, lr left out."""


def by_the_book(m: Array, v: Array, t: int, beta_1: float, beta_2: float, eps: float) -> Array:
    """m-hat / (sqrt(v-hat) + eps)."""
    return m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + eps)


def adam_with(
    params: Named,
    grads: Named,
    state: State,
    lr: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    weight_decay: float,
    step: Step = by_the_book,
    moments: Callable[[Named, State, float, float], State] = next_state,
) -> tuple[Named, State]:
    """Adam, with a step and moments of one's own."""
    grads = {name: g + weight_decay * params[name] for name, g in grads.items()}
    new = moments(grads, state, beta_1, beta_2)
    m, v = new["m"], new["v"]
    return {name: p - lr * step(m[name], v[name], new["step"], beta_1, beta_2, eps) for name, p in params.items()}, new


AD04 = Bug(
    "AD04",
    "adam",
    "https://github.com/karpathy/convnetjs/pull/107",
    "The moments are multiplied by their bias corrections, not divided.",
)


@AD04.in_numpy()
def multiplied(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    def step(m: Array, v: Array, t: int, beta_1: float, beta_2: float, eps: float) -> Array:
        return m * (1 - beta_1**t) / (np.sqrt(v * (1 - beta_2**t)) + eps)

    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay, step=step)


AD05 = Bug(
    "AD05",
    "adam",
    "https://github.com/eriklindernoren/ML-From-Scratch/issues/35",
    "The bias correction is 1 - beta at every step, without the power.",
)


@AD05.in_numpy()
def without_the_power(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    def step(m: Array, v: Array, t: int, beta_1: float, beta_2: float, eps: float) -> Array:
        return m / (1 - beta_1) / (np.sqrt(v / (1 - beta_2)) + eps)

    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay, step=step)


AD06 = Bug(
    "AD06",
    "adam",
    "https://github.com/pytorch/pytorch/pull/22628",
    "eps is added before the second moment is corrected, and so counts 1 / sqrt(1 - beta_2^t) times.",
)


@AD06.in_numpy()
def eps_before_the_correction(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    def step(m: Array, v: Array, t: int, beta_1: float, beta_2: float, eps: float) -> Array:
        return np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + eps)

    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay, step=step)


AD08 = Bug(
    "AD08",
    "adam",
    "https://github.com/PennyLaneAI/pennylane/issues/1928",
    "The first moments are g and g^2 themselves, without the factors 1 - beta.",
)


@AD08.in_numpy()
def first_moments_whole(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    def moments(grads: Named, state: State, beta_1: float, beta_2: float) -> State:
        if state["step"]:
            return next_state(grads, state, beta_1, beta_2)
        return {"step": 1, "m": dict(grads), "v": {name: g * g for name, g in grads.items()}}

    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay, moments=moments)


AD12 = Bug(
    "AD12",
    "adam",
    "https://github.com/raskr/rust-autograd/issues/16",
    "The new moments are computed on copies, and never stored.",
)


@AD12.in_numpy()
def not_stored(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    moved, new = adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay)
    return moved, {**state, "step": new["step"]}


AD13 = Bug(
    "AD13",
    "adam",
    "https://github.com/kozistr/pytorch_optimizer/pull/528",
    "The gradient is negated in place twice: what is to be maximised is minimised.",
)


@AD13.in_numpy()
def negated_twice(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> tuple[Named, State]:
    grads = {name: g.copy() for name, g in grads.items()}
    for _ in range(2 if maximize else 0):
        for g in grads.values():
            np.negative(g, out=g)
    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay)


AD15 = Bug(
    "AD15",
    "adam",
    "https://github.com/google-deepmind/optax/issues/1389",
    "The largest second moment is that of the corrected ones, not of the raw ones.",
)


@AD15.in_numpy()
def largest_of_corrected(
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
) -> tuple[Named, State]:
    moved, new = adam_with(params, grads, state, lr, beta_1, beta_2, eps, weight_decay)
    if not amsgrad:
        return moved, new
    t = new["step"]
    corrected = {name: v / (1 - beta_2**t) for name, v in new["v"].items()}
    before = state.get("v_max", corrected)
    largest = {name: np.maximum(before[name], v) for name, v in corrected.items()}
    for name, p in params.items():
        moved[name] = p - lr * new["m"][name] / (1 - beta_1**t) / (np.sqrt(largest[name]) + eps)
    return moved, {**new, "v_max": largest}


AD16 = Bug(
    "AD16",
    "adam",
    "https://github.com/pytorch/pytorch/issues/12218",
    "The decay is added into the gradients of the caller.",
)


@AD16.in_numpy()
def decay_in_their_gradients(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
) -> tuple[Named, State]:
    for name, g in grads.items():
        g += weight_decay * params[name]
    return adam_with(params, grads, state, lr, beta_1, beta_2, eps, 0.0)


BUGS = (AD04, AD05, AD06, AD08, AD12, AD13, AD15, AD16)
