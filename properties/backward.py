"""Laws of every backward pass: it leaves alone what it is given, and does not care how that lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from veriformer.impls.layout import LAYOUTS
from veriformer.impls.protocol import COTANGENT, Path
from veriformer.impls.tree import leaves
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import differentiated
from veriformer.properties.law import Case, Evidence, Law, Subject, differing, relation, says_something
from veriformer.properties.menu import most_varied
from veriformer.properties.probes import KINDS, Draw
from veriformer.properties.universal import held_by, with_equal_rows

ORDINARY = tuple(kind for kind in KINDS if kind not in ("denormal", "far_offset", "huge", "large"))
SIZES, SIZES_OF_STACKS = 6, 3
"""What a pass does to memory, and how it reads it, shows in few sizes, and in values of ordinary magnitude."""
WRITE_IN_PLACE = ("numpy", "torch")
"""Frameworks in which an array can be overwritten, or lie otherwise than in order."""


def laws(subject: Subject) -> Iterator[Law]:
    """The laws of the backward pass of one component."""
    if not subject.differentiable:
        return
    plain, few = subject.law, most_varied(subject, SIZES_OF_STACKS if subject.stack else SIZES)
    kinds = tuple(kind for kind in ORDINARY if kind in (subject.kinds or (kind,)))
    alone = plain(
        "The backward pass overwrites neither arguments nor cotangent.",
        draw=differentiated(subject),
        rows=few,
        gradients=True,
        kinds=kinds,
    )
    yield replace(alone(the_backward_pass_changes_nothing_that_it_is_given), backends=WRITE_IN_PLACE)
    if not subject.laid_out:
        return
    in_layout = plain(
        "It does not matter to gradients how arguments and cotangent lie in memory.",
        draw=laid_out(differentiated(subject)),
        rows=few,
        gradients=True,
        kinds=kinds,
    )
    of_all = in_layout(gradients_do_not_care_how_arrays_lie_in_memory)
    yield replace(of_all, backends=WRITE_IN_PLACE, dear=subject.stack)


def the_backward_pass_changes_nothing_that_it_is_given(case: Case, experiment: Experiment) -> Evidence:
    """No byte of any argument, and none of the cotangent, differs after the backward pass."""
    changed = experiment.ask(case, cotangent=case.extra[COTANGENT]).reply.changed_arguments
    return differing("changed in the backward pass", ", ".join(changed) or "none", "none")


def laid_out(draw: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
    """Cases whose arrays, the cotangent among them, lie in memory in other ways."""

    def with_layouts(recipe: Draw) -> Case:
        case = draw(recipe)
        rng = recipe.rng("layouts")
        arrays = (*leaves(case.arguments), *leaves(dict(case.options)))
        chosen: dict[Path, str] = {
            path: str(rng.choice(LAYOUTS)) for path, leaf in arrays if isinstance(leaf, np.ndarray)
        }
        chosen[(COTANGENT,)] = str(rng.choice(LAYOUTS[1:]))
        cotangent = case.extra[COTANGENT]
        if chosen[(COTANGENT,)] == "stride_0" and cotangent.ndim > 1:
            cotangent = np.broadcast_to(cotangent[:1], cotangent.shape).copy()
        return with_equal_rows(case, chosen).but(layouts=chosen, extra={**case.extra, COTANGENT: cotangent})

    return with_layouts


def gradients_do_not_care_how_arrays_lie_in_memory(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The gradients from strided, transposed, broadcast, reversed or read-only arrays are those from fresh ones. Where the
    bound of one says nothing, the others are compared."""
    evidence = tuple(compared(case, experiment))
    return tuple(e for e in evidence if e.scale is None or says_something(e.allowed, e.scale).any()) or evidence


def compared(case: Case, experiment: Experiment) -> Iterator[Evidence]:
    """Each gradient beside the one from fresh arrays, within the two bounds."""
    layouts = held_by(experiment.door.backend, case.layouts)
    laid = experiment.ask(case, cotangent=case.extra[COTANGENT], layouts=layouts)
    fresh = experiment.ask(case, cotangent=case.extra[COTANGENT], layouts={})
    for path, truth in fresh.gradient_truths:
        got, wanted = laid.gradient(path), fresh.gradient(path)
        name = f"gradient of {fresh.named(path)} from fresh arrays"
        if got is None or wanted is None:
            there = ("none" if gradient is None else "an array" for gradient in (got, wanted))
            yield differing(name, *there)
        else:
            yield relation(name, got, wanted, 2 * truth.bound, truth.scale)
