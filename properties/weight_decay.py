"""Laws of weight_decay."""

from __future__ import annotations

from veriformer.properties import tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.tensors import SHAPES, matched, row

RATES = ((0.5, 1.0), (0.1, 0.01), (2.0, 0.25), (1e-3, 0.1), (1.0, 1.0), (0.3, 3.0), (0.25, 0.5))
"""lr and rate: their product of order 1 in most rows, where a decay cannot hide in the rounding of p."""
ROWS = tuple(row(*shapes, lr=lr, rate=rate) for shapes, (lr, rate) in zip(SHAPES, RATES, strict=True))


def draw(recipe: Draw) -> Case:
    """Parameters of any kind."""
    return Case((tensors.named(recipe, "params"),), {"lr": recipe["lr"], "rate": recipe["rate"]})


SUBJECT = Subject("weight_decay", ROWS, draw, top=power(0.9), large=(row((BEYOND_16_BITS,), (3,), lr=0.5, rate=0.5),))
law = SUBJECT.law


@law("Without a rate, or without lr, nothing moves.")
def moves_nothing_at_rate_zero(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p; lr, 0) = f(p; 0, rate) = p."""
    still = [experiment.ask(case.but(options={**case.options, option: 0.0})).each() for option in ("lr", "rate")]
    return tuple(
        tensors.beside(f"the parameter {path[-1]}", got, case.arguments[0][path[-1]], truth)
        for answer in still
        for path, got, truth in answer
    )


@law("Only the product of lr and rate counts.")
def depends_on_lr_times_rate_alone(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p; 4 lr, rate / 4) = f(p; lr, rate)."""
    lr, rate = case.options["lr"], case.options["rate"]
    traded = experiment.ask(case.but(options={"lr": 4 * lr, "rate": rate / 4}))
    return matched(traded, experiment.ask(case), "for lr and rate untraded")


def draw_factor(recipe: Draw) -> Case:
    """Parameters far from either end of the range, and a power of two."""
    return draw(recipe).but(extra={"factor": float(recipe.rng("factor").choice([-4.0, -1.0, 0.25, 8.0]))})


@law("It is linear: it pulls as much as there is.", draw=draw_factor, kinds=tensors.FAR_FROM_THE_ENDS)
def is_homogeneous(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(a p) = a f(p) for a power of two a, negative ones too."""
    a = case.extra["factor"]
    larger = experiment.ask(case.replacing(0, tensors.scaled(case.arguments[0], a)))
    return matched(larger, experiment.ask(case), "scaled after the decay", lambda path: a)


@law("The order of the arrays does not matter.", rows=tensors.several(ROWS))
def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of a dictionary in another order holds the same arrays."""
    return tensors.in_another_order(case, experiment)


@law("An array may be given as two.")
def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the two halves is the two halves of f."""
    return tensors.in_two_tensors(case, experiment)


INQUIRIES = ()
