"""Laws of gradient_descent."""

from __future__ import annotations

from veriformer.properties import optimizer, tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.tensors import SHAPES, matched, row

LEARNING_RATES = (0.5, 1e-3, 1.0, 0.1, 2.0, 0.25, 0.01)
ROWS = tuple(row(*shapes, lr=lr) for shapes, lr in zip(SHAPES, LEARNING_RATES, strict=True))
LARGE = (row((BEYOND_16_BITS,), (3,), lr=0.5),)


def draw(recipe: Draw) -> Case:
    """Parameters and gradients of any kind; in one draw of three the parameters are 0, and the step is all there is. In every
    second one the gradients come in another order: what belongs together says the name."""
    params = tensors.named(recipe, "params")
    if recipe.seed % 3 == 0:
        params = tensors.zeros(params)
    grads = tensors.named(recipe, "grads")
    if recipe.seed % 2:
        grads = dict(reversed(grads.items()))
    return Case((params, grads), {"lr": recipe["lr"]})


SUBJECT = Subject("gradient_descent", ROWS, draw, top=power(0.9), alike=("params", "grads"), large=LARGE)
law = SUBJECT.law


@law("A gradient of 0 moves nothing.")
def a_zero_gradient_moves_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, 0) = p."""
    params, grads = case.arguments
    answer = experiment.ask(case.but(arguments=(params, tensors.zeros(grads))))
    return tuple(
        tensors.beside(f"the parameter {path[-1]}", got, params[path[-1]], truth) for path, got, truth in answer.each()
    )


@law("Twice the gradient at half the rate is the same step.")
def depends_on_lr_times_the_gradient_alone(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, 2 g; lr / 2) = f(p, g; lr)."""
    params, grads = case.arguments
    doubled = case.but(arguments=(params, tensors.scaled(grads, 2.0)), options={"lr": case.options["lr"] / 2})
    return matched(experiment.ask(doubled), experiment.ask(case), "of the undoubled gradient")


def draw_from_zero(recipe: Draw) -> Case:
    """Parameters that are 0."""
    params, grads = draw(recipe).arguments
    return draw(recipe).but(arguments=(tensors.zeros(params), grads), fixed=frozenset({(0, 0)}))


@law("It goes against the gradient: from -g it comes out on the other side of 0.", draw=draw_from_zero)
def turns_with_the_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(0, -g) = -f(0, g), and f(0, g) is on the other side of 0 than g."""
    params, grads = case.arguments
    there = experiment.ask(case)
    back = experiment.ask(case.but(arguments=(params, tensors.scaled(grads, -1.0))))
    against = [
        tensors.not_beyond_zero(f"step of {path[-1]} along its gradient", got * tensors.signs(grads[path[-1]]), truth)
        for path, got, truth in there.each()
    ]
    return (*matched(back, there, "of the gradient turned", lambda path: -1.0), *against)


@law("The order of the arrays does not matter.", rows=tensors.several(ROWS))
def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Gradients find their parameters by name."""
    return tensors.in_another_order(case, experiment)


@law("An array may be given as two.")
def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the two halves is the two halves of f."""
    return tensors.in_two_tensors(case, experiment)


OBJECT = optimizer.subject("gradient_descent", optimizer.rows(*({"lr": lr} for lr in LEARNING_RATES)), power(0.9))
INQUIRIES = ()
