"""What stands behind a mask: the law that it does not matter, even where it is no number, and how to find out who keeps it.

The formula knows neither nan nor infinity. So no answer to them is wrong by itself: who says, or shows on fixed cases, that
it ignores them is held to it, and nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, among, relation
from veriformer.properties.probes import Draw, Row
from veriformer.properties.settle import Inquiry
from veriformer.spec import COMPONENTS

SENTENCE = "What stands behind a mask does not matter, even if it is no number."
NO_NUMBERS = ("nan", "inf", "-inf")


def behind(
    case: Case, hidden: Mapping[str, np.ndarray], kept: np.ndarray | bool = True, recipe: Draw | None = None
) -> Case:
    """The case with what is to be filled in: hidden says where in each argument, kept which part of the answer counts."""
    if not any(places.any() for places in hidden.values()):
        raise NotJudged("nothing is hidden")
    filling = str(recipe.rng("filling").choice(NO_NUMBERS)) if recipe else "nan"
    return case.but(extra={**case.extra, "hidden": dict(hidden), "filling": filling, "kept": np.asarray(kept)})


def filled(case: Case, component: str) -> Case:
    """The case with no numbers in the hidden places."""
    filling, hidden = float(case.extra["filling"]), case.extra["hidden"]
    names = COMPONENTS[component].positional
    return case.with_arguments(
        np.where(hidden[name], np.asarray(filling, argument.dtype), argument) if name in hidden else argument
        for name, argument in zip(names, case.arguments, strict=True)
    )


def what_stands_behind_a_mask_does_not_matter(case: Case, experiment: Experiment) -> Evidence:
    """f(x, M) with nan or infinity where nothing is seen is f(x, M), under the convention that ignores it."""
    if experiment.conventions.get("behind_mask") != "ignored":
        raise NotJudged("what stands behind a mask leaks, or it is open whether it does")
    other, plain = experiment.ask(filled(case, experiment.component.name)), experiment.ask(case)
    evidence = relation(
        "answer with numbers behind the mask", other.value, plain.value, other.bound + plain.bound, plain.scale
    )
    return among(evidence, case.extra["kept"])


def law_behind_the_mask(subject: Subject, draw: Callable[[Draw], Case], rows: tuple[Row, ...] | None = None) -> Law:
    """The law, for one component."""
    return subject.law(SENTENCE, rows=rows, draw=draw, needs=("mask",))(what_stands_behind_a_mask_does_not_matter)


def inquiry(component: str, case_of: Callable[[str], Case]) -> Inquiry:
    """Does it leak? Asked of nan and of infinity; who leaks the one and not the other is not held to anything."""

    def cases(dtype: str) -> tuple[Case, ...]:
        case = case_of(dtype)
        return tuple(filled(case.but(extra={**case.extra, "filling": f}), component) for f in ("nan", "inf"))

    return Inquiry(component, "behind_mask", cases, lambda _: False, binding=False)
