"""Wrong AdamWs: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.adam import adam
from veriformer.impls.numpy.adamw import adamw

Named = dict[str, np.ndarray]
State = dict[str, Any]
Answer = tuple[Named, State]


def agrees_with_the_spec(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """eps is added to the second moment before its bias is corrected."""
    _, new = adamw(params, grads, state, **options)
    root = np.sqrt(1 - options.get("beta_2", 0.98) ** new["step"])
    return adamw(params, grads, state, **{**options, "eps": options.get("eps", 1e-9) / root})[0], new


def the_first_step_is_lr_times_the_sign_of_the_gradient(
    params: Named, grads: Named, state: State, **options: Any
) -> Answer:
    """No moment is corrected."""
    return adamw(params, grads, {**state, "step": 10**6}, **options)


def does_not_depend_on_the_unit_of_the_gradient(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The eps that was given is ignored."""
    return adamw(params, grads, state, **{**options, "eps": 1e-3})


def a_zero_gradient_and_state_move_nothing(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """A small number is added to the second moment, and stays there."""
    moved, new = adamw(params, grads, state, **options)
    return moved, {**new, "v": {name: v + v.dtype.type(1e-9) for name, v in new["v"].items()}}


def without_decay_it_is_adam(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """A decay of one hundredth unless another is given, as torch.optim.AdamW has it."""
    return adamw(params, grads, state, **{"weight_decay": 0.01, **options})


def the_three_hundredth_update_is_no_other(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The moments are kept in float16."""
    moved, new = adamw(params, grads, state, **options)
    with np.errstate(over="ignore"):
        kept = {k: {name: x.astype(np.float16).astype(x.dtype) for name, x in new[k].items()} for k in ("m", "v")}
    return moved, {**new, **kept}


def ignores_the_order_of_tensors(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """Steps are taken in the order in which gradients came, where the shapes allow it."""
    moved, new = adamw(params, grads, state, **options)
    if [p.shape for p in params.values()] == [g.shape for g in grads.values()]:
        steps = [moved[name] - params[name] for name in grads]
        moved = {name: p + step for (name, p), step in zip(params.items(), steps, strict=True)}
    return moved, new


def splitting_a_tensor_changes_nothing(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The rate is divided by the number of arrays."""
    return adamw(params, grads, state, **{**options, "lr": options["lr"] / len(params)})


def the_decay_is_a_share_of_the_parameter(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The decay is not multiplied by the learning rate."""
    return adamw(params, grads, state, **{**options, "weight_decay": options.get("weight_decay", 0.0) / options["lr"]})


def the_decay_leaves_the_moments_alone(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The decay is an L2 penalty, added to the gradient."""
    return adam(params, grads, state, **options)


def to_maximize_is_to_minimize_the_opposite(
    params: Named, grads: Named, state: State, *, maximize: bool = False, **options: Any
) -> Answer:
    """The gradient is turned round twice: what is to be maximised is minimised."""
    return adamw(params, grads, state, **options)


def the_largest_moment_never_falls(params: Named, grads: Named, state: State, **options: Any) -> Answer:
    """The largest second moment is that of the last step."""
    moved, new = adamw(params, grads, state, **options)
    return moved, {**new, "v_max": new["v"]} if "v_max" in new else new
