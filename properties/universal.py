"""Laws of every component: it agrees with its spec, repeats itself, and leaves alone what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from veriformer.impls.layout import LAYOUTS
from veriformer.impls.protocol import GENERATORS, Path
from veriformer.impls.tree import leaves, rebuild
from veriformer.properties.batches import a_batch_is_its_rows_one_by_one, batch
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.formula import is_floating
from veriformer.properties.gradients import (
    differentiated,
    gradients_agree_with_the_spec,
    recording_gradients_changes_nothing,
)
from veriformer.properties.law import Case, Evidence, Law, NotJudged, Subject, differing, relation
from veriformer.properties.menu import most_varied
from veriformer.properties.probes import Draw, Row
from veriformer.properties.seeds import seed_of
from veriformer.properties.truth import place, within
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import FORMATS

WRITABLE = ("contiguous", "transposed", "strided", "offset", "negative")
"""Layouts in which each number has a place of its own that may be written."""
RESULT_KEPT = "result kept from the earlier call"
SIZES_OF_STACKS = 6
"""Sizes in which stacks are asked for gradients, and batches one by one: many truths, and for JAX many compilations."""


def laws(subject: Subject) -> Iterator[Law]:
    """The universal laws, for one component."""
    plain = partial(subject.law, rows=subject.rows)
    few = most_varied(subject, SIZES_OF_STACKS) if subject.stack else subject.rows
    everywhere = partial(replace, in_each_dtype=True)
    agrees = plain("The output is the formula's, within the derived bound.")(agrees_with_the_spec)
    yield everywhere(agrees, thorough=True, reaching=True)
    yield everywhere(plain("Asked twice, it answers the same.")(is_deterministic))
    same_world = plain(
        "Generators, environment, settings, working directory and threads are what they were before the call."
    )
    yield everywhere(same_world(leaves_the_world_as_it_found_it))
    if subject.arrays:
        unchanged = plain("Its arguments are what they were, byte for byte, after the call.")
        yield everywhere(unchanged(does_not_change_its_arguments))
        yield everywhere(plain("The output has the dtype of the input.")(keeps_the_dtype))
    if subject.arrays and subject.laid_out:
        in_layout = plain(
            "It does not matter how the arguments lie in memory.",
            draw=laid_out(subject),
            rows=(*subject.rows, *lying(subject.rows)),
        )
        yield replace(in_layout(does_not_care_how_its_arguments_lie_in_memory), backends=("numpy", "torch"))
    if subject.batched:
        in_batch = plain(
            "The answer for a batch is the answers for its examples, one by one.", draw=batch(subject), rows=few
        )
        yield replace(in_batch(a_batch_is_its_rows_one_by_one), reaching=True)
    after = plain("What it was asked before does not matter.", draw=after_other_shapes(subject))
    yield after(a_second_call_after_other_shapes_answers_the_same)
    if subject.differentiable:
        with_cotangent = plain(
            "The gradient of every argument is the formula's.",
            draw=differentiated(subject),
            gradients=True,
            rows=few,
        )
        gradients_agree = with_cotangent(gradients_agree_with_the_spec)
        yield everywhere(gradients_agree, thorough=not subject.stack, reaching=True)
        recording = plain(
            "Recording gradients does not change the output.", draw=differentiated(subject), gradients=True, rows=few
        )
        yield recording(recording_gradients_changes_nothing)


def agrees_with_the_spec(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f(x) - F(x)| <= B(x), element by element."""
    return experiment.ask(case).evidence()


def is_deterministic(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """|f(x) - f(x)| <= 2 B(x); whether it is the same to the last bit is recorded."""
    return same(experiment.ask(case), experiment.ask(case), "second answer")


def leaves_the_world_as_it_found_it(case: Case, experiment: Experiment) -> Evidence:
    """Nothing of what all code of a process shares differs after the call. Who takes a seed may draw from any generator."""
    changed = experiment.ask(case, watched=True).reply.world_changed
    if "seed" in experiment.component.signature.parameters:
        changed = tuple(one for one in changed if one not in GENERATORS)
    return differing("changed in the world", ", ".join(changed) or "nothing", "nothing")


def does_not_change_its_arguments(case: Case, experiment: Experiment) -> Evidence:
    """No byte of any argument differs after the call, but of those that an object owns."""
    return nothing_changed(experiment.ask(case), experiment)


def nothing_changed(answer: Answer, experiment: Experiment) -> Evidence:
    """That no argument differs after the call which is not an object's own."""
    positions = enumerate(experiment.component.offered)
    owned = tuple(f"argument {i}" for i, name in positions if name in experiment.component.owned)
    changed = [name for name in answer.reply.changed_arguments if not name.startswith(owned)]
    return differing("changed arguments", ", ".join(changed) or "none", "none")


def keeps_the_dtype(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """float32 in, float32 out; or the dtype that a convention names (`loss_dtype`), or that, where it is the narrower one."""
    if not any(is_floating(leaf) for _, leaf in leaves((case.arguments, dict(case.options)))):
        raise NotJudged("no floating array goes in")
    answer, admitted = experiment.ask(case), answered_in(experiment)
    floating = [(path, str(array.dtype)) for path, array in answer.arrays() if is_floating(array)]
    return tuple(
        differing(f"dtype of {place(path)}" if path else "dtype", got, got if got in admitted else admitted[0])
        for path, got in floating
    )


def answered_in(experiment: Experiment) -> tuple[str, ...]:
    """The dtypes of answers: that of the input, or a wider one that was declared; of wider inputs the declared one too, since
    who casts half types up may cast float64 down."""
    own = experiment.dtype
    declared = [value for name, value in experiment.conventions.items() if name.endswith("_dtype") and value in FORMATS]
    wider = [name for name in declared if FORMATS[name].digits > FORMATS[own].digits]
    return tuple(wider) or (own, *declared)


def lying(rows: tuple[Row, ...]) -> Iterator[Row]:
    """The sizes off the border of a tile, in every layout: which path code takes is decided by both."""
    for row in rows:
        if row.get("reach") == "tile":
            plain = {name: size for name, size in row.items() if name != "reach"}
            yield from ({**plain, "layout of all": layout} for layout in LAYOUTS[1:])


def laid_out(subject: Subject) -> Callable[[Draw], Case]:
    """Cases whose arrays lie in memory in other ways; what an object owns, in ways in which it can be written. In some sizes
    all lie in the same way, and what is at the end stands out."""
    spec = in_form(subject.component, subject.form)

    def with_layouts(recipe: Draw) -> Case:
        alike = recipe.get("layout of all")
        layouts = (alike,) if alike else LAYOUTS[1:]
        case = subject.draw(replace(recipe, kind="large_at_the_end") if alike else recipe)
        rng = recipe.rng("layouts")
        chosen: dict[Path, str] = {}
        for path, leaf in leaves(case.arguments):
            if isinstance(leaf, np.ndarray):
                owned = spec.positional[int(path[0])] in spec.owned
                chosen[path] = str(rng.choice(WRITABLE if owned else layouts))
        for name, value in case.options.items():
            if isinstance(value, np.ndarray):
                chosen[(name,)] = str(rng.choice(layouts))
        if not chosen:
            raise NotJudged("no array goes in")
        return with_equal_rows(case, chosen).but(layouts=chosen)

    return with_layouts


def with_equal_rows(case: Case, layouts: Mapping[Path, str]) -> Case:
    """The case, with the rows made equal where an array is to be broadcast."""

    def change(path: Path, leaf: Any) -> Any:
        wanted = layouts.get(path) == "stride_0" and is_floating(leaf) and leaf.ndim > 1
        return np.broadcast_to(leaf[:1], leaf.shape).copy() if wanted else leaf

    return case.with_arguments(rebuild(case.arguments, change))


def does_not_care_how_its_arguments_lie_in_memory(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f of strided, transposed, broadcast, reversed or read-only arrays is f of fresh ones."""
    laid = experiment.ask(case, layouts=held_by(experiment.door.backend, case.layouts))
    fresh = experiment.ask(case, layouts={})
    return (*same(laid, fresh, "answer for fresh arrays"), nothing_changed(laid, experiment))


def held_by(backend: str, layouts: Mapping[Path, str]) -> dict[Path, str]:
    """The layouts, those that a framework cannot hold in another way: torch has no negative strides, nor read-only memory."""
    if backend != "torch":
        return dict(layouts)
    return {path: "strided" if kind in ("negative", "read_only") else kind for path, kind in layouts.items()}


def after_other_shapes(subject: Subject) -> Callable[[Draw], Case]:
    """Cases with an earlier case of another size beside them."""

    def draw(recipe: Draw) -> Case:
        others = [row for row in recipe.menu[:4] if row != recipe.row]
        if not others:
            raise NotJudged("only one size")
        other = others[recipe.seed % len(others)]
        earlier = subject.draw(replace(recipe, row=other, seed=seed_of(recipe.seed, "earlier")))
        return subject.draw(recipe).but(
            extra={"earlier": {"arguments": earlier.arguments, "options": dict(earlier.options)}}
        )

    return draw


def a_second_call_after_other_shapes_answers_the_same(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x) after f(x') is f(x), and the result of f(x') stays what it was."""
    earlier = experiment.call(told_before(case, experiment))
    fresh = experiment.ask(case)
    after = experiment.ask(case, before=(earlier,))
    return (*same(after, fresh, "first answer"), result_is_kept(after))


def told_before(case: Case, experiment: Experiment, aliases: tuple[tuple[int, ...], ...] = ()) -> Case:
    """The earlier case that a case has beside it, in the keywords that are taken."""
    told = case.extra["earlier"]
    offer = experiment.door.offers[experiment.component.name]
    options = {name: value for name, value in told["options"].items() if offer.takes(name)}
    earlier = Case(tuple(told["arguments"]), options, aliases=aliases)
    if not experiment.question(earlier).has_an_answer():
        raise NotJudged("what was to be asked before is outside the domain without a keyword that is not taken")
    return earlier


def result_is_kept(after: Answer) -> Evidence:
    """That what an earlier call has answered is still what it was."""
    found = "changed" if after.reply.kept_changed else "unchanged"
    return differing(RESULT_KEPT, found, "unchanged")


def same(one: Answer, other: Answer, comparison: str) -> tuple[Evidence, ...]:
    """Two answers to one question, within the two bounds; of several outputs those that are not made of others."""
    from veriformer.properties import SUBJECTS

    follow = SUBJECTS[one.question.component.name].follow
    evidence = []
    for (path, got, truth), (_, wanted, again) in zip(one.each(), other.each(), strict=True):
        if path and path[0] in follow:
            continue
        part = relation(f"{comparison}{within(path)}", got, wanted, truth.bound + again.bound, truth.scale)
        evidence.append(replace(part, bitwise=bool(np.array_equal(got, wanted, equal_nan=True))))
    return tuple(evidence)
