"""Laws of gradient_accumulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties import tensors
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject, plus
from veriformer.properties.probes import Draw, power
from veriformer.properties.tensors import SHAPES, matched

COUNTS = ((2, 3), (1, 4, 2), (8,), (3, 0, 5), (1, 1), (64, 7, 1, 9, 2, 3, 1, 5, 4), (2046, 3))
"""Examples of each micro-batch: of different sizes, some with none."""


def row(shapes: tuple[tuple[int, ...], ...], counts: tuple[int, ...]) -> dict[str, Any]:
    """Sizes of one case, with the number of micro-batches."""
    return tensors.row(*shapes, counts=counts, micro_batches=len(counts))


ROWS = tuple(row(shapes, counts) for shapes, counts in zip(SHAPES, COUNTS, strict=True))


def draw(recipe: Draw) -> Case:
    """A sum of gradients for each micro-batch; nothing where nothing was counted."""
    sums = [tensors.named(recipe, f"part {i}") for i in range(len(recipe["counts"]))]
    parts = [part if n else tensors.zeros(part) for part, n in zip(sums, recipe["counts"], strict=True)]
    return Case((parts, list(recipe["counts"])))


SUBJECT = Subject("gradient_accumulation", ROWS, draw, top=power(0.9))
law = SUBJECT.law
SEVERAL = tuple(r for r in ROWS if r["micro_batches"] != 1)


@law("A single micro-batch gives its mean.")
def one_micro_batch_gives_its_mean(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f([s], [n]) = s / n; for n a power of two the quotient is exact."""
    parts, _ = case.arguments
    answer = experiment.ask(case.but(arguments=([parts[0]], [4])))
    return tuple(
        tensors.beside(f"mean of {path[-1]}", got, parts[0][path[-1]].astype(np.float64) / 4, truth)
        for path, got, truth in answer.each()
    )


def draw_on_a_grid(recipe: Draw) -> Case:
    """Sums whose sums are exact."""
    parts, counts = draw(recipe).arguments
    on_grid = [tensors.gridded(recipe, f"part {i}", part) for i, part in enumerate(parts)]
    return Case((on_grid, counts))


@law("Two micro-batches may be one.", draw=draw_on_a_grid, rows=SEVERAL, kinds=("normal", "large", "offset"))
def joining_two_micro_batches_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f([a + b, ...], [m + n, ...]) = f([a, b, ...], [m, n, ...]), where a + b is exact."""
    (a, b, *others), (m, n, *counts) = case.arguments
    joined = case.but(arguments=([tensors.mapped(plus, a, b), *others], [m + n, *counts]))
    return matched(experiment.ask(joined), experiment.ask(case), "of the micro-batches apart")


@law("The order of the micro-batches does not matter.", rows=SEVERAL)
def ignores_the_order_of_micro_batches(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the micro-batches from last to first is f."""
    parts, counts = case.arguments
    backwards = experiment.ask(case.but(arguments=(parts[::-1], counts[::-1])))
    return matched(backwards, experiment.ask(case), "of the micro-batches in order")


@law("A micro-batch of nothing but padding changes nothing.")
def an_empty_micro_batch_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f([..., 0], [..., 0]) = f([...], [...])."""
    parts, counts = case.arguments
    padded = experiment.ask(case.but(arguments=([*parts, tensors.zeros(parts[0])], [*counts, 0])))
    return matched(padded, experiment.ask(case), "without the empty micro-batch")


@law("The order of the arrays does not matter.", rows=tensors.several(SEVERAL))
def ignores_the_order_of_tensors(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The arrays of the micro-batches find each other by name."""
    (first, *others), counts = case.arguments
    moved = experiment.ask(case.but(arguments=([first, *map(tensors.turned, others)], counts)))
    return matched(moved, experiment.ask(case), "for the names in order")


@law("An array may be given as two.")
def splitting_a_tensor_changes_nothing(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of the two halves is the two halves of f."""
    return tensors.in_two_tensors(case, experiment)


INQUIRIES = ()
