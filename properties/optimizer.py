"""Laws of optimizers as objects: `adam(params, *, lr, ...)` builds one, step(grads) -> params. Many steps are one formula."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from veriformer.impls.protocol import BUILD, RESULT_OF, Tree
from veriformer.properties import tensors
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.law import Case, Evidence, Law, Subject, relation
from veriformer.properties.probes import Draw, Top
from veriformer.properties.tensors import SHAPES, Named, matched, row
from veriformer.properties.truth import place
from veriformer.spec import COMPONENTS

RESUMES = "state_dict and load_state_dict"
"""What an object may leave out."""
STEPS = (1, 2, 3, 4, 2, 3, 2)
MANY, IDLE = 300, 2050
"""More steps than a counter of 8 bits counts, or one in bfloat16; and than one in float16, which stays at 2048."""
CYCLE = 6
"""Gradients that are given again and again."""
TINY = (((2,),), ((1,), (2,)))
"""Shapes for many steps: each costs the truth of another update."""
Script = tuple[tuple[Any, ...], ...]


def rows(*options: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The menu: arrays of every rank, a few steps, and the options of each size."""
    return tuple(row(*s, steps=n, **more) for s, n, more in zip(SHAPES, STEPS, options, strict=False))


def subject(component: str, menu: tuple[dict[str, Any], ...], top: Top) -> Subject:
    """Parameters and the gradients of a few steps, of any kind. The keywords are those of the row."""
    keywords = sorted({name for r in menu for name in r} - {"shapes", "tensors", "numbers", "steps"})

    def draw(recipe: Draw) -> Case:
        options = {name: recipe[name] for name in keywords if name in recipe.row}
        return Case((parameters(recipe), steps(recipe, recipe["steps"])), options)

    return Subject(component, menu, draw, top=top, form="object")


def parameters(recipe: Draw) -> Named:
    """Parameters of any kind; 0 in one draw of three, so that the steps are answered and not hidden in their rounding."""
    params = tensors.named(recipe, "params")
    return tensors.zeros(params) if recipe.seed % 3 == 0 else params


def steps(recipe: Draw, count: int, number: int = 0, prefix: str = "grads") -> Script:
    """Steps of one object. In every second draw the gradients come in another order than the parameters."""
    drawn = [tensors.named(recipe, f"{prefix} {i}") for i in range(count)]
    return tuple(("step", number, tensors.turned(grads) if recipe.seed % 2 else grads) for grads in drawn)


def laws(subject: Subject) -> Iterator[Law]:
    """The laws that every optimizer keeps, for one of them."""
    law, longer = subject.law, tuple(r for r in subject.rows if r["steps"] > 1)
    yield law("To go on from what was saved is not to have stopped.", draw=halting(subject), rows=longer)(
        resuming_is_not_stopping
    )
    yield law("Two optimizers by turns do not see each other.", draw=by_turns(subject))(
        two_optimizers_by_turns_do_not_see_each_other
    )
    yield law("The order of the arrays does not matter.", rows=tensors.several(subject.rows))(
        ignores_the_order_of_tensors
    )
    yield law("An array may be given as two.")(splitting_a_tensor_changes_nothing)
    few = tuple({**r, **row(*shapes)} for r, shapes in zip(subject.rows, TINY, strict=False))
    yield law(
        "The last of 300 steps is the formula's too.",
        draw=cycle(subject, CYCLE),
        rows=few,
        kinds=("integers", "normal"),
        dear=True,
    )(the_last_of_many_steps_is_the_formulas)
    if "beta_2" in subject.rows[1]:
        yield law(
            "Steps are counted as far as one goes: the first gradient after 2050 of 0 does not make the first step.",
            draw=cycle(subject, 1),
            rows=tuple(r for r in few if not r.get("weight_decay")),
            kinds=("integers", "normal"),
            dear=True,
        )(idle_steps_are_counted)


def played(case: Case, script: Any) -> Case:
    """The case with another script."""
    return case.replacing(1, tuple(script))


def last(answer: Answer, count: int) -> tuple[Evidence, ...]:
    """What the last steps answered, beside its truth."""
    taken = [path[0] for path, _ in answer.outputs][-1]
    kept = range(int(taken) - count + 1, int(taken) + 1)
    return tuple(truth.evidence(place(path), answer.output(path)) for path, truth in answer.outputs if path[0] in kept)


def halting(subject: Subject) -> Any:
    """Cases with a step after which to stop."""

    def draw(recipe: Draw) -> Case:
        stop = int(recipe.integers("stop", (), 1, recipe["steps"]))
        return subject.draw(recipe).but(extra={"stop": stop}, extension=RESUMES, fixed=frozenset({(0, 1)}))

    return draw


def resuming_is_not_stopping(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """After some steps state_dict() is taken; another object, built from the parameters reached, loads it, and goes on."""
    script, stop = case.arguments[1], case.extra["stop"]
    reached, saved = {RESULT_OF: stop - 1}, {RESULT_OF: stop}
    between = (("state_dict", 0), (BUILD, 1, reached), ("load_state_dict", 1, saved))
    rest = tuple((method, 1, grads) for method, _, grads in script[stop:])
    resumed = tensors.by_path(experiment.ask(played(case, (*script[:stop], *between, *rest))))
    evidence = []
    for path, wanted, truth in experiment.ask(case).each():
        if path[0] in range(stop, len(script)):
            got, bounds = resumed[(int(path[0]) + len(between), *path[1:])]
            said = f"{place(path)} without a stop"
            evidence.append(relation(said, got, wanted, truth.bound + bounds.bound, truth.scale))
    return tuple(evidence)


def by_turns(subject: Subject) -> Any:
    """Cases of two objects, a step of each by turns, with gradients of their own."""

    def draw(recipe: Draw) -> Case:
        one, other = (steps(recipe, recipe["steps"], number, f"grads of {number}") for number in (0, 1))
        return played(subject.draw(recipe), [step for turn in zip(one, other, strict=True) for step in turn])

    return draw


def two_optimizers_by_turns_do_not_see_each_other(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Each answers what it answers when it is alone."""
    script = case.arguments[1]
    together = tensors.by_path(experiment.ask(case))
    evidence = []
    for number in sorted({step[1] for step in script}):
        places = [i for i, step in enumerate(script) if step[1] == number]
        alone = experiment.ask(played(case, [script[i] for i in places]))
        for path, wanted, truth in alone.each():
            got, bounds = together[(places[int(path[0])], *path[1:])]
            said = f"step {path[0]} of object {number} alone, {path[-1]}"
            evidence.append(relation(said, got, wanted, truth.bound + bounds.bound, truth.scale))
    return tuple(evidence)


def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Gradients find their parameters by name."""
    turned = tuple((method, number, tensors.turned(grads)) for method, number, grads in case.arguments[1])
    return matched(experiment.ask(played(case, turned)), experiment.ask(case), "for the names in order")


def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The steps of the two halves are the two halves of the steps."""
    return tensors.in_two_tensors(case, experiment)


def cycle(subject: Subject, length: int) -> Any:
    """Cases with a few gradients, to be given many times. Nothing of them is made smaller: each try costs seconds."""

    def draw(recipe: Draw) -> Case:
        return played(subject.draw(recipe), steps(recipe, length)).but(fixed=frozenset({(0,)}))

    return draw


def the_last_of_many_steps_is_the_formulas(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The gradients of the script over and over, 300 steps in all; the last round of them is judged.

    The bound is that of the whole way, and still says something: m and v forget their errors as they forget gradients.
    """
    script = case.arguments[1]
    return last(experiment.ask(played(case, (script * MANY)[-MANY:])), len(script))


def idle_steps_are_counted(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """2050 gradients of 0 move nothing and round nothing: the next step is that of the functional form from a state of zeros
    with this count in it, which is in its bias correction."""
    params, ((_, _, grads),) = case.arguments
    idle = ("step", 0, tensors.zeros(grads))
    answered: Tree = experiment.ask(played(case, (idle,) * IDLE + case.arguments[1])).reply.outputs
    state = {"step": IDLE, "m": tensors.zeros(params), "v": tensors.zeros(params)}
    question = experiment.question(
        case.but(arguments=(params, grads, state)), component=COMPONENTS[experiment.component.name]
    )
    truths = experiment.truths.of(question.key + b"outputs", question.outputs)
    return tuple(
        truth.evidence(f"{path[-1]} after {IDLE} idle steps", np.asarray(answered[-1][path[-1]]))
        for path, truth in truths
        if path[0] == 0
    )
