"""One step of Adam in NumPy, as a function of parameters, gradients and state."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls import domain

Named = dict[str, np.ndarray]
State = dict[str, Any]


def adam(
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
) -> tuple[Named, State]:
    """The parameters and the state after one more step; what is given stays as it is.

    state: "step", the number of finished steps, 0 at first; "m" and "v", name -> the running means of the gradients and of
    their squares, zeros at first. The decay is an L2 penalty: it is added to the gradient, and enters both means.
    amsgrad: the largest mean square so far, "v_max" in the state, takes the place of "v". maximize: the opposite gradients.
    """
    domain.adam(params, grads, state, lr=lr, beta_1=beta_1, beta_2=beta_2, eps=eps, weight_decay=weight_decay)
    new = next_state(penalised(grads, params, weight_decay, maximize), state, beta_1, beta_2, amsgrad)
    return {name: p - lr * direction(name, new, beta_1, beta_2, eps) for name, p in params.items()}, new


def penalised(grads: Named, params: Named, weight_decay: float, maximize: bool) -> Named:
    """The gradients of what is minimised, the decay among them."""
    sign = -1.0 if maximize else 1.0
    return {name: sign * g + weight_decay * params[name] for name, g in grads.items()}


def next_state(grads: Named, state: State, beta_1: float, beta_2: float, amsgrad: bool) -> State:
    """The step counted, and both running means with the new gradients in them."""
    m = {name: beta_1 * state["m"][name] + (1.0 - beta_1) * g for name, g in grads.items()}
    v = {name: beta_2 * state["v"][name] + (1.0 - beta_2) * (g * g) for name, g in grads.items()}
    new: State = {"step": int(state["step"]) + 1, "m": m, "v": v}
    if amsgrad:
        before = state.get("v_max", v)
        new["v_max"] = {name: np.maximum(before[name], v[name]) for name in v}
    return new


def direction(name: str, state: State, beta_1: float, beta_2: float, eps: float) -> np.ndarray:
    """m_hat / (sqrt(v_hat) + eps): the means, which started at 0, divided by the weight that is in them by now."""
    m_hat = state["m"][name] / (1.0 - beta_1 ** state["step"])
    v_hat = state["v_max" if "v_max" in state else "v"][name] / (1.0 - beta_2 ** state["step"])
    return m_hat / (np.sqrt(v_hat) + eps)
