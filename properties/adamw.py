"""Laws of adamw."""

from __future__ import annotations

import numpy as np

from veriformer.properties import moments, optimizer, tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.moments import FIRST, ROWS, draw
from veriformer.properties.probes import Draw, power
from veriformer.properties.tensors import FAR_FROM_THE_ENDS

SUBJECT = Subject("adamw", ROWS, draw, top=power(0.25), alike=("params", "grads"))
law = SUBJECT.law

the_first_step = law(
    "The first step from 0 is lr times the sign of the gradient, -lr g / (|g| + eps).",
    draw=moments.draw_from_zero,
    rows=FIRST,
)(moments.the_first_step_is_lr_times_the_sign_of_the_gradient)
in_any_unit = law(
    "The unit of the gradient does not matter, if eps is in it too.",
    draw=moments.draw_scaled,
    needs=("eps",),
    kinds=FAR_FROM_THE_ENDS,
)(moments.does_not_depend_on_the_unit_of_the_gradient)
at_rest = law("Where gradient and moments are 0, nothing moves.", draw=moments.plain())(
    moments.a_zero_gradient_and_state_move_nothing
)
late = law("The three hundredth update is the formula's too.", draw=moments.draw_late)(
    moments.the_three_hundredth_update_is_no_other
)
upwards = law("To maximise is to minimise the opposite.", needs=("maximize",))(
    moments.to_maximize_is_to_minimize_the_opposite
)
largest = law("The largest second moment so far never falls.", rows=moments.AMSGRAD, needs=("amsgrad",))(
    moments.the_largest_moment_never_falls
)
in_any_order = law("The order of the arrays does not matter.", rows=tensors.several(ROWS))(
    moments.ignores_the_order_of_tensors
)
in_parts = law("An array may be given as two.")(moments.splitting_a_tensor_changes_nothing)


@law("Without decay, AdamW and Adam are one.", draw=moments.plain())
def without_decay_it_is_adam(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f = the spec of adam, for weight_decay = 0."""
    return moments.agrees_without_decay("adam", case, experiment)


def draw_decayed(recipe: Draw) -> Case:
    """Parameters that are not 0, and a decay of the order of 1."""
    case = draw(recipe)
    params = tensors.named(recipe, "params", "normal" if recipe.kind == "denormal" else recipe.kind)
    options = {"weight_decay": 0.5 / case.options["lr"], **case.options}
    return case.but(arguments=(params, *case.arguments[1:]), options=options)


@law("The decay takes lr weight_decay p off, and nothing else.", draw=draw_decayed, needs=("weight_decay",))
def the_decay_is_a_share_of_the_parameter(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """p'(weight_decay) = p'(0) - lr weight_decay p, or weight_decay p where that is declared."""
    lr, decay = case.options["lr"], case.options["weight_decay"]
    share = decay if experiment.conventions.get("decay") == "without_lr" else lr * decay
    with_decay = tensors.by_path(experiment.ask(case))
    without = tensors.by_path(experiment.ask(moments.without(case, "weight_decay")))
    evidence = []
    for name, p in case.arguments[0].items():
        (got, truth), (still, other) = with_decay[(0, name)], without[(0, name)]
        taken = share * p.astype(np.float64)
        own = 2.0**-50 * (np.abs(taken) + np.abs(still))  # what is wanted, in float64
        evidence.append(relation(f"{name} decayed", got, still - taken, truth.bound + other.bound + own, truth.scale))
    return tuple(evidence)


@law("The decay is not in the moments.", draw=draw_decayed, needs=("weight_decay",))
def the_decay_leaves_the_moments_alone(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """m' and v' are the same with the decay and without."""
    with_decay = experiment.ask(case)
    without = tensors.by_path(experiment.ask(moments.without(case, "weight_decay")))
    return tuple(
        relation(f"{path[1]} of {path[-1]}", got, without[path][0], truth.bound + without[path][1].bound, truth.scale)
        for path, got, truth in with_decay.each()
        if path[0] == 1
    )


OBJECT = optimizer.subject("adamw", moments.STEPS, power(0.25))
INQUIRIES = ()
