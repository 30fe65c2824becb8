"""Laws of circumstances: what was asked before, what is asked at the same time, and whether two arguments are one object."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import Call, Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.experiment import Asked, Experiment
from veriformer.properties.formula import is_floating
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, differing
from veriformer.properties.menu import most_varied
from veriformer.properties.probes import Draw, numpy_dtype
from veriformer.properties.seeds import seed_of
from veriformer.properties.universal import result_is_kept, same, told_before
from veriformer.spec import COMPONENTS

SIZES = 6
"""What is remembered, or shared, is seen in few sizes, and in any kind of values."""
KINDS = ("integers", "normal", "offset", "large_at_the_end")
THREADS = 4
DIFFERENCES = ("numbers", "options", "dtype")
"""In what an earlier call of the same sizes may differ: each in every third size."""


def laws(subject: Subject) -> Iterator[Law]:
    """Those of one component."""
    if subject.kinds is not None and len(subject.kinds) == 1:
        return  # sizes alone decide the answer: nothing can be left behind
    few = most_varied(subject, SIZES)
    kinds = tuple(kind for kind in KINDS if kind in (subject.kinds or KINDS))
    before = subject.law(
        "Earlier calls of the same sizes, with other numbers, options or dtypes, leave nothing behind.",
        draw=after_the_same_sizes(subject),
        rows=few,
        kinds=kinds,
    )
    yield replace(before(remembers_nothing_of_earlier_calls), after_earlier_calls=True)
    if COMPONENTS[subject.component].from_answer:
        return  # what is drawn comes from a generator that threads may share
    threads = subject.law(
        "Several threads that call at once are answered as if each were alone.",
        draw=after_the_same_sizes(subject, ("numbers",)),
        rows=few,
        kinds=kinds[:2],
    )
    yield replace(threads(answers_several_threads_at_once), dear=True)
    if subject.alike:
        one = subject.law(
            "It does not matter whether equal arguments are one object.",
            draw=one_object(subject),
            rows=subject.rows,
            kinds=kinds,
        )
        yield one(does_not_care_whether_arguments_are_one_object)


def after_the_same_sizes(subject: Subject, differences: tuple[str, ...] = DIFFERENCES) -> Callable[[Draw], Case]:
    """Cases with an earlier one of the same sizes beside them, which differs in one thing."""

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        options = COMPONENTS[subject.component].options
        turn = recipe.menu.index(recipe.row) if recipe.row in recipe.menu else recipe.seed
        differs = differences[turn % len(differences)]
        earlier = case
        if differs == "numbers" or not (subject.arrays and case.options):
            earlier = subject.draw(replace(recipe, seed=seed_of(recipe.seed, "earlier")))
        elif differs == "options":
            required = {n: v for n, v in case.options.items() if options[n] is inspect.Parameter.empty}
            earlier = case.but(options=required)
        told = {"arguments": earlier.arguments, "options": dict(earlier.options), "differs": differs}
        return case.but(extra={"earlier": told})

    return draw


def call_before(case: Case, experiment: Experiment) -> Call:
    """The earlier call of a case, in another dtype where that is what differs."""
    other = told_before(case, experiment, case.aliases)
    dtypes = experiment.door.offers[experiment.component.name].dtypes
    another = next((dtype for dtype in dtypes if dtype != experiment.dtype), None)
    if case.extra["earlier"]["differs"] == "dtype" and another is not None:
        other = other.but(arguments=cast(other.arguments, another), options=cast(other.options, another))
    return experiment.call(other)


def cast(tree: Tree, dtype: str) -> Any:
    """The tree with its floating arrays in another dtype."""
    with np.errstate(over="ignore"):
        return rebuild(tree, lambda _, leaf: leaf.astype(numpy_dtype(dtype)) if is_floating(leaf) else leaf)


def remembers_nothing_of_earlier_calls(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x) after f(x') is f(x): it is the formula's, and the result of f(x') stays what it was."""
    after = experiment.ask(case, before=(call_before(case, experiment),))
    return (*after.evidence(), result_is_kept(after))


def answers_several_threads_at_once(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x) from each of several threads, each of which asks f(x') in between, is f(x) asked alone. To raise is an answer too,
    and one that differs."""
    alone = experiment.ask(case)
    try:
        together = experiment.ask(case, before=(call_before(case, experiment),), threads=THREADS)
    except Asked as error:
        if error.raised.fatal or error.raised.declined:
            raise
        said = f"{error.raised.type}: {error.raised.message}"
        return (differing("what several threads get", f"raised {said}", "the answer when asked alone"),)
    others = (replace(together, reply=replace(together.reply, outputs=one)) for one in together.reply.others)
    evidence = (part for other in others for part in same(other, alone, "answer when asked alone"))
    return (*same(together, alone, "answer when asked alone"), *evidence)


def one_object(subject: Subject) -> Callable[[Draw], Case]:
    """Cases in which arguments that can be equal are, and are handed over as one object."""
    names = COMPONENTS[subject.component].positional

    def draw(recipe: Draw) -> Case:
        case = subject.draw(recipe)
        places = [names.index(name) for name in subject.alike]
        last = case.arguments[places[-1]]
        group = tuple(place for place in places if shapes(case.arguments[place]) == shapes(last))
        if len(group) < 2:
            raise NotJudged("no two arguments have one shape")
        equal = (last if place in group else argument for place, argument in enumerate(case.arguments))
        return case.but(arguments=tuple(equal), aliases=(group,))

    return draw


def shapes(tree: Tree) -> list[Any]:
    """Where the arrays of a tree are, and of which shapes."""
    return [(path, np.shape(leaf)) for path, leaf in leaves(tree)]


def does_not_care_whether_arguments_are_one_object(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x, x), one object handed over twice, is f(x, a copy of x)."""
    return same(experiment.ask(case), experiment.ask(case.but(aliases=())), "answer for copies")
