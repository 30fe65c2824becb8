"""Large sizes: a component in the sizes of real models, where a grid, a block, a table or a 16-bit index may have no room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.impls.protocol import COTANGENT
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import differentiated, gradients_agree_with_the_spec
from veriformer.properties.law import LARGE, Case, Evidence, Law, Subject
from veriformer.properties.probes import Draw

KINDS = ("large_at_the_end", "far_offset", "normal")
KINDS_OF_GRADIENTS = ("normal",)
"""Where values differ much in size the bounds of gradients often say nothing in such sizes."""
FELT, AT_THE_ENDS = 64, 8
"""So many rows, evenly spaced, have a cotangent, and the first and the last ones: the worst case of a sum of 66,001 terms of
either sign is more than the sum itself, and would hide every one of them."""


def laws(subject: Subject) -> Iterator[Law]:
    """The laws, where the component has such sizes. They come last: who is stopped there is asked nothing more."""
    if not subject.large:
        return
    sentence = "In the sizes of real models too the output is the formula's."
    draw = subject.draw
    yield law(subject, sentence, draw, KINDS)(large_sizes_agree_with_the_spec)
    if subject.differentiable:
        sentence = "In the sizes of real models too the gradient of every argument is the formula's."
        draw = felt_in_few_rows(differentiated(subject))
        yield law(subject, sentence, draw, KINDS_OF_GRADIENTS, gradients=True)(
            gradients_of_large_sizes_agree_with_the_spec
        )


def law(
    subject: Subject, sentence: str, draw: Callable[[Draw], Case], kinds: tuple[str, ...], *, gradients: bool = False
) -> Callable[[Callable[..., Any]], Law]:
    """A law of the large sizes of a component, on each of them once, and nothing at random."""

    def large(recipe: Draw) -> Case:
        return draw(recipe).but(extension=LARGE)

    def declare(test: Callable[..., Any]) -> Law:
        own = tuple(kind for kind in kinds if subject.kinds is None or kind in subject.kinds)
        found = subject.law(sentence, draw=large, rows=subject.large, kinds=own, gradients=gradients)(test)
        return replace(found, at_random=False, dear=subject.stack)

    return declare


def felt_in_few_rows(draw: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
    """The same cases, with a cotangent of 0 in most of their rows."""

    def thinned(recipe: Draw) -> Case:
        case = draw(recipe)
        cotangent = case.extra[COTANGENT]
        rows = cotangent.reshape(-1, *cotangent.shape[-1:])
        here = np.arange(len(rows))
        felt = here % max(len(rows) // FELT, 1) == 0
        felt |= (here < AT_THE_ENDS) | (here >= len(rows) - AT_THE_ENDS)
        few = np.where(felt.reshape(-1, *[1] * (rows.ndim - 1)), rows, 0).astype(cotangent.dtype)
        return case.but(extra={**case.extra, COTANGENT: few.reshape(cotangent.shape)})

    return thinned


def large_sizes_agree_with_the_spec(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f(x) - F(x)| <= B(x), element by element, where rows, columns or positions are many. Who raises there, or takes more
    time or memory than a call may, does not support such sizes: the honest code of small ones is often quadratic."""
    return experiment.ask(case).evidence()


def gradients_of_large_sizes_agree_with_the_spec(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The vector-Jacobian product within its bound, where many rows go into the gradient of one parameter."""
    return gradients_agree_with_the_spec(case, experiment)
