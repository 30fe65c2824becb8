"""Large sizes: a component in the sizes of real models, where a grid, a block, a table or a 16-bit index may have no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import LARGE, Case, Evidence, Law, Subject
from veriformer.properties.probes import Draw

KINDS = ("large_at_the_end", "far_offset", "normal")


def laws(subject: Subject) -> Iterator[Law]:
    """The law, where the component has such sizes. It comes last: who is stopped there is asked nothing more."""
    if not subject.large:
        return

    def draw(recipe: Draw) -> Case:
        return subject.draw(recipe).but(extension=LARGE)

    kinds = tuple(kind for kind in KINDS if subject.kinds is None or kind in subject.kinds)
    sentence = "In the sizes of real models too the output is the formula's."
    agrees = subject.law(sentence, draw=draw, rows=subject.large, kinds=kinds)(large_sizes_agree_with_the_spec)
    yield replace(agrees, at_random=False, dear=subject.stack)


def large_sizes_agree_with_the_spec(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f(x) - F(x)| <= B(x), element by element, where rows, columns or positions are many. Who raises there, or takes more
    time or memory than a call may, does not support such sizes: the honest code of small ones is often quadratic."""
    return experiment.ask(case).evidence()
