"""One step of AdamW in NumPy, as a function of parameters, gradients and state."""

from __future__ import annotations

from veriformer.impls import domain
from veriformer.impls.numpy.adam import Named, State, direction, next_state, penalised


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
) -> tuple[Named, State]:
    """The parameters and the state after one more step; what is given stays as it is.

    As `adam`, but the decay takes lr weight_decay p off the parameter itself, past the running means.
    """
    domain.adam(params, grads, state, lr=lr, beta_1=beta_1, beta_2=beta_2, eps=eps, weight_decay=weight_decay)
    new = next_state(penalised(grads, params, 0.0, maximize), state, beta_1, beta_2, amsgrad)
    moved = {
        name: p - lr * weight_decay * p - lr * direction(name, new, beta_1, beta_2, eps) for name, p in params.items()
    }
    return moved, new
