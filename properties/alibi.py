"""Laws of alibi."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw, numpy_dtype

ROWS: tuple[dict[str, Any], ...] = (
    {"n_heads": 1, "length": 2, "length_k": 2},
    {"n_heads": 2, "length": 3, "length_k": 3},
    {"n_heads": 3, "length": 2, "length_k": 4},
    {"n_heads": 8, "length": 3, "length_k": 2},
    {"n_heads": 12, "length": 2, "length_k": 5},
    {"n_heads": 6, "length": 1, "length_k": 33},
    {"n_heads": 16, "length": 9, "length_k": 9},
    {"n_heads": 20, "length": 3, "length_k": 300},
    {"n_heads": 3, "length": 31, "length_k": 65, "reach": "tile"},
    {"n_heads": 2, "length": 2, "length_k": 1025, "reach": "long"},
)


def draw(recipe: Draw) -> Case:
    """Numbers of heads, powers of two and others, lengths, and an empty array that says which dtype is wanted."""
    sizes = (recipe["n_heads"], recipe["length"], recipe["length_k"])
    return Case(sizes, {"like": np.zeros(0, dtype=numpy_dtype(recipe.dtype))})


SUBJECT = Subject("alibi", ROWS, draw, kinds=("normal",), large=({"n_heads": 2, "length": 3, "length_k": 5001},))
law = SUBJECT.law


@law("The bias depends on the offset between query and key only.")
def depends_on_the_offset_only(case: Case, experiment: Experiment) -> Evidence:
    """f(h, i + 1, j + 1) = f(h, i, j)."""
    answer = experiment.ask(case)
    here, there = answer.value[:, :-1, :-1], answer.value[:, 1:, 1:]
    if not here.size:
        raise NotJudged("one query or one key has no offset to compare")
    allowed = answer.bound[:, :-1, :-1] + answer.bound[:, 1:, 1:]
    return relation("bias one further", there, here, allowed, np.max(answer.scale))


@law("No bias where query and key stand side by side, the last with the last.")
def vanishes_on_the_diagonal(case: Case, experiment: Experiment) -> Evidence:
    """f(h, L_q - 1, L_k - 1) = 0."""
    answer = experiment.ask(case)
    return relation("0", answer.value[:, -1, -1], np.zeros(case.arguments[0]), answer.bound[:, -1, -1])


@law("Ahead and behind count alike.")
def is_symmetric(case: Case, experiment: Experiment) -> Evidence:
    """With as many queries as keys f(h, i, j) = f(h, j, i)."""
    n_heads, length, _ = case.arguments
    answer = experiment.ask(case.but(arguments=(n_heads, length, length)))
    turned = np.swapaxes(answer.value, -1, -2)
    return relation(
        "transposed bias", answer.value, turned, answer.bound + np.swapaxes(answer.bound, -1, -2), answer.scale
    )


@law("The heads of a power of two are the first of any larger number below the next one.")
def begins_with_the_power_of_two_below(case: Case, experiment: Experiment) -> Evidence:
    """f(n)[:m] = f(m) for m = 2^floor(log2 n)."""
    n_heads, *lengths = case.arguments
    below = 2 ** (n_heads.bit_length() - 1)
    whole, part = experiment.ask(case), experiment.ask(case.but(arguments=(below, *lengths)))
    allowed = whole.bound[:below] + part.bound
    return relation(f"bias of {below} heads", whole.value[:below], part.value, allowed, np.max(part.scale, initial=0.0))


INQUIRIES = ()
