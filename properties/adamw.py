"""Laws of adamw."""

from __future__ import annotations

import numpy as np

from veriformer.properties import moments, optimizer, tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, relation
from veriformer.properties.moments import LARGE, ROWS, draw
from veriformer.properties.probes import Draw, power

SUBJECT = Subject("adamw", ROWS, draw, top=power(0.25), alike=("params", "grads"), large=LARGE)
law = SUBJECT.law
SHARED = tuple(moments.laws(SUBJECT))


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
