"""Wrong Adams: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.adam import adam

Named = dict[str, np.ndarray]
State = dict[str, Any]
Answer = tuple[Named, State]


def agrees_with_the_spec(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """eps is added under the root."""
    _, new = adam(params, grads, state, **options)
    betas, t = (options.get("beta_1", 0.9), options.get("beta_2", 0.98)), new["step"]
    moved = {}
    for name, p in params.items():
        m_hat, v_hat = (new[moment][name] / (1 - beta**t) for moment, beta in zip("mv", betas, strict=True))
        moved[name] = p - options["lr"] * m_hat / np.sqrt(v_hat + options.get("eps", 1e-9))
    return moved, new


def the_first_step_is_lr_times_the_sign_of_the_gradient(
    params: Named, grads: Named, state: State, **options: Any
) -> Answer:
    """The second moment is not corrected: it looks smaller than it is, and the step is too long."""
    moved, new = adam(params, grads, state, **options)
    root = np.sqrt(1 - options.get("beta_2", 0.98) ** new["step"])
    return {name: (p + (moved[name] - p) / root).astype(p.dtype) for name, p in params.items()}, new


def does_not_depend_on_the_unit_of_the_gradient(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """Gradients are cut off at 1 before anything else."""
    return adam(params, {name: np.clip(g, -1, 1) for name, g in grads.items()}, state, **options)


def a_zero_gradient_and_state_move_nothing(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """A decay of one hundredth, unless another is given."""
    return adam(params, grads, state, **{"weight_decay": 0.01, **options})


def without_decay_it_is_adamw(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The larger of the last two second moments below the root, as AMSGrad has it."""
    _, new = adam(params, grads, state, **options)
    larger = {name: np.maximum(v, state["v"][name]) for name, v in new["v"].items()}
    return adam(params, grads, {**state, "v": larger}, **options)


def the_three_hundredth_update_is_no_other(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The steps are counted in eight bits."""
    return adam(params, grads, {**state, "step": state["step"] % 256}, **options)


def ignores_the_order_of_tensors(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """Gradients are taken one after the other, whatever their names, where the shapes allow it."""
    if [p.shape for p in params.values()] == [g.shape for g in grads.values()]:
        grads = dict(zip(params, grads.values(), strict=True))
    return adam(params, grads, state, **options)


def splitting_a_tensor_changes_nothing(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """One second moment for each array, the mean of its squares."""
    mean = {name: np.full_like(g, np.sqrt(np.mean(g * g))) for name, g in grads.items()}
    _, blocks = adam(params, mean, state, **options)
    moved, new = adam(params, grads, state, **options)
    return moved, {**new, "v": blocks["v"]}


def the_decay_is_a_part_of_the_gradient(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The decay is in the first moment alone."""
    _, undecayed = adam(params, grads, state, **{**options, "weight_decay": 0.0})
    moved, new = adam(params, grads, state, **options)
    return moved, {**new, "v": undecayed["v"]}


def to_maximize_is_to_minimize_the_opposite(
    params: Named, grads: Named, state: State, *, maximize: bool = False, **options: Any
) -> Answer:
    """The gradient is turned round twice: what is to be maximised is minimised."""
    return adam(params, grads, state, **options)


def the_largest_moment_never_falls(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The largest second moment is that of the last step."""
    moved, new = adam(params, grads, state, **options)
    return moved, {**new, "v_max": new["v"]} if "v_max" in new else new
