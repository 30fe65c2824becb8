"""Moments: draws and laws that adam and adamw share. Both answer (params, {"step", "m", "v"})."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Path
from veriformer.properties import optimizer, tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, not_above, relation
from veriformer.properties.probes import BEYOND_16_BITS, KINDS, Draw
from veriformer.properties.tensors import FAR_FROM_THE_ENDS, SHAPES, matched, row
from veriformer.properties.truth import place
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers import Ball, number, working_precision

ROWS = (
    row(*SHAPES[0], step=0, lr=1.0),
    row(*SHAPES[1], step=0, lr=0.5, eps=1e-3, beta_2=0.999),
    row(*SHAPES[2], step=1, lr=2.0, beta_1=0.5, beta_2=0.75, eps=0.01),
    row(*SHAPES[4], step=256, lr=0.25, weight_decay=2.0),
    row(*SHAPES[3], step=9, lr=1e-3),
    row(*SHAPES[5], step=3, lr=0.1, eps=0.25, weight_decay=10.0),
    row((3,), (3,), step=0, lr=1.0, beta_1=0.0, weight_decay=0.75),
    row(*SHAPES[6], step=2048, lr=0.01, beta_2=0.999, weight_decay=50.0),
    row(*SHAPES[1], step=2, lr=1.0, beta_1=0.5, eps=0.01, maximize=True, needs=("maximize",)),
    row(*SHAPES[2], step=3, lr=0.5, beta_1=0.5, eps=1e-3, amsgrad=True, needs=("amsgrad",)),
    row(*SHAPES[5], step=1, lr=0.1, beta_2=0.75, weight_decay=5.0, amsgrad=True, maximize=True,
        needs=("amsgrad", "maximize")),
    row(*[(1,)] * 9, step=40000, lr=0.5, eps=1e-3, beta_2=0.9999, reach="long"),
)  # fmt: skip
"""step: finished updates; a count in bfloat16 stays at 256, one in float16 at 2048. lr weight_decay is of order 1: a decay
cannot hide in the rounding of the parameter."""
LARGE = (row((BEYOND_16_BITS,), (3,), step=1, lr=0.5, weight_decay=0.5),)
OPTIONS = ("lr", "beta_1", "beta_2", "eps", "weight_decay", "amsgrad", "maximize")
STEPS = optimizer.rows(
    {"lr": 1.0},
    {"lr": 0.5, "eps": 1e-3, "beta_2": 0.999},
    {"lr": 2.0, "beta_1": 0.5, "beta_2": 0.75, "amsgrad": True},
    {"lr": 0.25, "weight_decay": 2.0},
    {"lr": 1e-3, "beta_2": 0.999},
    {"lr": 0.1, "eps": 0.25, "weight_decay": 10.0, "maximize": True},
    {"lr": 1.0, "beta_1": 0.0, "weight_decay": 0.75},
)
"""The same of objects, over a few steps."""
EPS_IN_FLOAT16 = 2.0**-12
NO_SQUARES_IN_FLOAT16 = ("denormal", "low_variance", "mixed", "small")
FIRST = tuple(r for r in ROWS if r["step"] == 0)
AMSGRAD = tuple(r for r in ROWS if r.get("amsgrad"))


def draw(recipe: Draw) -> Case:
    """Parameters, gradients and moments of any kind. In one draw of three the parameters are 0: the step itself is answered,
    not hidden in their rounding. Before the first update the moments are 0."""
    recipe = with_squares(recipe)
    params = tensors.named(recipe, "params")
    if recipe.seed % 3 == 0:
        params = tensors.zeros(params)
    m, root_of_v = tensors.named(recipe, "m"), tensors.named(recipe, "v")
    v = tensors.mapped(lambda root: recipe.cast(root.astype(np.float64) ** 2), root_of_v)
    if recipe["step"] == 0:
        m, v = tensors.zeros(m), tensors.zeros(v)
    state = {"step": recipe["step"], "m": m, "v": v}
    if recipe.get("amsgrad"):
        state["v_max"] = tensors.mapped(lambda v, root: np.maximum(v, recipe.cast(root.astype(np.float64) ** 2)),
                                        v, tensors.named(recipe, "v_max"))  # fmt: skip
    options = {o: recipe[o] for o in OPTIONS if o in recipe.row}
    if recipe.dtype == "float16":  # which has no 1e-9: without a gradient the step would be 0 / 0
        options.setdefault("eps", EPS_IN_FLOAT16)
    return Case((params, tensors.named(recipe, "grads"), state), options)


def with_squares(recipe: Draw) -> Draw:
    """In float16 no kind of numbers whose squares are 0 there: a step divides by the root of their mean."""
    if recipe.dtype != "float16":
        return recipe
    kinds = tuple(kind for kind in recipe.kinds or KINDS if kind not in NO_SQUARES_IN_FLOAT16)
    return replace(recipe, kind=recipe.kind if recipe.kind in kinds else "normal", kinds=kinds)


def without(case: Case, *options: str) -> Case:
    """The case with some options left to their defaults."""
    return case.but(options={name: value for name, value in case.options.items() if name not in options})


def plain(draw_case: Any = draw) -> Any:
    """Cases without decay."""
    return lambda recipe: without(draw_case(recipe), "weight_decay")


def draw_from_zero(recipe: Draw) -> Case:
    """The first step of parameters that are 0, downhill."""
    case = without(draw(replace(recipe, row={**recipe.row, "step": 0})), "weight_decay", "maximize")
    params, grads, state = case.arguments
    return case.but(arguments=(tensors.zeros(params), grads, state), fixed=frozenset({(0, 0), (0, 2)}))


def follows_the_paper(experiment: Experiment) -> None:
    """Corrected moments, eps beside the corrected root: elsewhere the sentence is another one."""
    chosen = experiment.conventions
    if chosen.get("bias_correction", "on") != "on" or chosen.get("eps_place", "after_correction") != "after_correction":
        raise NotJudged("another bias correction, or another place of eps")


def the_first_step_is_lr_times_the_sign_of_the_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(0, g) = -lr g / (|g| + eps), certified, whatever the betas are."""
    follows_the_paper(experiment)
    lr, eps = case.options["lr"], experiment.setting(case, "eps")
    answer = tensors.by_path(experiment.ask(case))
    evidence = []
    for name, gradient in case.arguments[1].items():
        got, truth = answer[(0, name)]
        with working_precision(256):
            g = Ball.given(gradient)
            wanted = (-(number(lr, like=g) * g) / (np.absolute(g) + number(eps, like=g))).centres()
        own = 2.0**-52 * np.abs(wanted)  # the rounding of what is wanted
        evidence.append(relation(f"first step of {name}", got, wanted, truth.bound + own, truth.scale))
    return tuple(evidence)


def draw_scaled(recipe: Draw) -> Case:
    """A case without decay, with an eps, and a power of two."""
    case = without(draw(recipe), "weight_decay")
    factor = float(recipe.rng("factor").choice([0.125, 0.5, 4.0, 16.0]))
    return case.but(options={**case.options, "eps": 2.0**-10}, extra={"factor": factor})


def does_not_depend_on_the_unit_of_the_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, a g, (a m, a^2 v); a eps) moves p as f(p, g, (m, v); eps) does, for a power of two a."""
    a = case.extra["factor"]
    params, grads, state = case.arguments
    powers = {"m": a, "v": a * a, "v_max": a * a}
    moments = {name: tensors.scaled(state[name], factor) for name, factor in powers.items() if name in state}
    larger = case.but(
        arguments=(params, tensors.scaled(grads, a), {**state, **moments}),
        options={**case.options, "eps": a * case.options["eps"]},
    )

    def factor(path: Path) -> float:
        return powers.get(str(path[1]), 1.0) if path[0] == 1 else 1.0

    return matched(experiment.ask(larger), experiment.ask(case), "in the unit of before", factor)


def a_zero_gradient_and_state_move_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, 0, 0) = (p, 0), without decay and for eps above 0."""
    params, grads, state = case.arguments
    nothing = {name: state["step"] if name == "step" else tensors.zeros(grads) for name in state}
    answer = experiment.ask(case.but(arguments=(params, tensors.zeros(grads), nothing)))
    wanted = {(0, name): p for name, p in params.items()} | {(1, "step"): state["step"] + 1}
    return tuple(
        tensors.beside(f"{place(path)} of nothing", got, wanted.get(path, np.zeros(got.shape)), truth)
        for path, got, truth in answer.each()
    )


def to_maximize_is_to_minimize_the_opposite(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(p, g; maximize) = f(p, -g)."""
    params, grads, state = case.arguments
    other = without(case, "maximize").but(arguments=(params, tensors.mapped(np.negative, grads), state))
    turned = case.but(options={**case.options, "maximize": True})
    return matched(experiment.ask(turned), experiment.ask(other), "of the opposite gradients")


def the_largest_moment_never_falls(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """v_max' >= v_max."""
    before = case.arguments[2]["v_max"]
    return tuple(
        not_above(f"v_max of {path[-1]} before", before[path[-1]], got, truth.bound, truth.scale)
        for path, got, truth in experiment.ask(case).each()
        if path[:2] == (1, "v_max")
    )


def agrees_without_decay(other: str, case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """What the spec of the other component says, where nothing decays."""
    answer = experiment.ask(case)
    question = experiment.question(case, component=COMPONENTS[other])
    truths = experiment.truths.of(question.key + b"outputs", question.outputs)
    return tuple(truth.evidence(f"{place(path)}, as {other} has it", answer.output(path)) for path, truth in truths)


def draw_late(recipe: Draw) -> Case:
    """The three hundredth update, or one at which a count in a half type no longer grows."""
    return draw(replace(recipe, row={**recipe.row, "step": (299, 256, 2048)[recipe.seed % 3]}))


def the_three_hundredth_update_is_no_other(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The formula at t = 300, where a counter of eight bits is at 44 and moments in a narrow type have lost what was small."""
    return experiment.ask(case).evidence()


def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Gradients find their parameters by name."""
    return tensors.in_another_order(case, experiment)


def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the two halves is the two halves of f: each number is moved by itself."""
    return tensors.in_two_tensors(case, experiment)


def laws(subject: Subject) -> Iterator[Law]:
    """The laws that adam and adamw share."""
    law = subject.law
    yield law(
        "The first step from 0 is lr times the sign of the gradient, -lr g / (|g| + eps).",
        draw=draw_from_zero,
        rows=FIRST,
    )(the_first_step_is_lr_times_the_sign_of_the_gradient)
    yield law(
        "The unit of the gradient does not matter, if eps is in it too.",
        draw=draw_scaled,
        needs=("eps",),
        kinds=FAR_FROM_THE_ENDS,
    )(does_not_depend_on_the_unit_of_the_gradient)
    yield law("Where gradient and moments are 0, nothing moves.", draw=plain())(a_zero_gradient_and_state_move_nothing)
    yield law("The three hundredth update is the formula's too.", draw=draw_late)(
        the_three_hundredth_update_is_no_other
    )
    yield law("To maximise is to minimise the opposite.", needs=("maximize",))(to_maximize_is_to_minimize_the_opposite)
    yield law("The largest second moment so far never falls.", rows=AMSGRAD, needs=("amsgrad",))(
        the_largest_moment_never_falls
    )
    yield law("The order of the arrays does not matter.", rows=tensors.several(ROWS))(ignores_the_order_of_tensors)
    yield law("An array may be given as two.")(splitting_a_tensor_changes_nothing)
