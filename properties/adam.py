"""Laws of adam."""

from __future__ import annotations

import functools

from veriformer.properties import moments, optimizer, tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, plus
from veriformer.properties.moments import LARGE, ROWS, draw
from veriformer.properties.probes import Draw, power
from veriformer.properties.tensors import matched

SUBJECT = Subject("adam", ROWS, draw, top=power(0.25), alike=("params", "grads"), large=LARGE)
law = SUBJECT.law
SHARED = tuple(moments.laws(SUBJECT))


@law("Without decay, Adam and AdamW are one.", draw=moments.plain())
def without_decay_it_is_adamw(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f = the spec of adamw, for weight_decay = 0."""
    return moments.agrees_without_decay("adamw", case, experiment)


def draw_on_a_grid(recipe: Draw) -> Case:
    """Parameters and gradients whose sums are exact, and a power of two as the decay."""
    case = draw(recipe)
    params, grads, state = case.arguments
    on_grid = (tensors.gridded(recipe, "params", params), tensors.gridded(recipe, "grads", grads), state)
    return case.but(arguments=on_grid, options={**case.options, "weight_decay": 0.5})


@law("The decay is a gradient like any other.", draw=draw_on_a_grid, needs=("weight_decay",), kinds=("normal", "large"))
def the_decay_is_a_part_of_the_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, g; weight_decay) = f(p, g + weight_decay p; 0), where that sum is exact; g - weight_decay p with `maximize`."""
    if experiment.conventions.get("decay", "coupled") != "coupled":
        raise NotJudged("the decay is decoupled")
    params, grads, state = case.arguments
    share = -case.options["weight_decay"] if case.options.get("maximize") else case.options["weight_decay"]
    penalty = functools.partial(tensors.scaled, factor=share)
    whole = tensors.mapped(plus, grads, penalty(params))
    undecayed = moments.without(case, "weight_decay").but(arguments=(params, whole, state))
    return matched(experiment.ask(case), experiment.ask(undecayed), "with the decay in the gradient")


OBJECT = optimizer.subject("adam", moments.STEPS, power(0.25))
INQUIRIES = ()
