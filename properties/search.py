"""Search: first a sweep, every kind of values in every size, smallest and simplest first; then Hypothesis at random."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis
import numpy as np
from hypothesis import strategies as st

from veriformer.impls.protocol import COTANGENT, Door, Offer
from veriformer.properties.law import Case, Law, NotJudged
from veriformer.properties.probes import KINDS, Draw, Row, seed_of
from veriformer.properties.settle import Settled
from veriformer.properties.truth import Question
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import precision_of

if TYPE_CHECKING:
    from veriformer.properties.outcome import Outcome

SHAPES_AT_RANDOM = 6
"""Sizes that Hypothesis may choose among: bugs need options, and no large ones."""

COMPILED = ("jax",)
"""Where each size is compiled anew: that is what a run waits for."""


class Sizes(NamedTuple):
    """How many are met there: by relations between answers, by gradients, by agreement itself, and by that besides for the
    paths that code takes off a tile and in long rows."""

    related: int
    derived: int
    met: int
    reached: int


SINGLE = Sizes(related=3, derived=3, met=6, reached=2)
"""Of a single component, where each size is compiled anew."""
STACKS = Sizes(related=2, derived=2, met=5, reached=1)
"""Of stacks there, which take several seconds to compile."""
QUICK = Sizes(related=2, derived=3, met=4, reached=0)
"""Of both in a quick run there."""
BESIDE = Sizes(related=1, derived=1, met=2, reached=0)
"""Of both in a dtype beside float32 there."""
QUICK_SIZES = 4
"""Sizes of most laws in a quick run elsewhere."""
DECLINED = 2
"""So often is a size asked for that is declined."""
KINDS_BY_TURNS = 6
"""Of the kinds of values a law that is not thorough about them meets every sixth there, another law the next ones."""
RECIPE = 11
"""Bytes of one random recipe: size, kind, seed. One string of odd length, since Hypothesis now and then draws numbers that it
finds in the modules loaded: the examples must not depend on whose modules they are."""


@dataclass(frozen=True)
class Budget:
    """How long to search: examples of the random phase, a whole or a quick sweep, and the seed of everything."""

    examples: int = 30
    quick: bool = False
    seed: int = 0
    sizes: int | None = None
    """No law meets more sizes than this, and only those that are thorough about values meet as many."""

    def narrowed(self, sizes: int) -> Budget:
        """Fewer sizes, a quick sweep, and nothing at random: for a dtype beside another that has had its share."""
        return replace(self, examples=0, quick=True, sizes=sizes)


@dataclass(frozen=True)
class FoundCase:
    """A case that decides the law, and how many came before it."""

    case: Case
    outcome: Outcome
    examples: int


class Refuted(Exception):
    """Stops the random phase."""


def find(
    law: Law, offer: Offer, door: Door, budget: Budget, settled: Settled, run: Callable[[Case], Outcome]
) -> FoundCase | None:
    """The first case on which the law is broken, or None. A size that was declined so often, and never answered, is not met
    again: it is not supported, and the law is judged on those that are."""
    rows = menu(law, offer, door, budget, settled)
    examples, declined = 0, Counter[int]()
    for draw in sweep(law, rows, door.dtype, budget):
        case = drawn(law, draw, offer, settled) if declined[id(draw.row)] < DECLINED else None
        if case is not None:
            examples += 1
            outcome = run(case)
            if outcome.bad:
                return FoundCase(case, outcome, examples)
            declined[id(draw.row)] += 1 if outcome.raised else -len(KINDS) if outcome.weighed else 0
    rows = [row for row in rows if declined[id(row)] <= 0]
    if law.statistical or law.dear or not (rows and budget.examples):
        return None
    return at_random(law, rows, offer, door, budget, settled, run, examples)


def cases(law: Law, offer: Offer, door: Door, budget: Budget, settled: Settled) -> Iterator[Case]:
    """The cases of a sweep, each size once, in their order."""
    rows = menu(law, offer, door, budget, settled)
    draws = sweep(replace(law, thorough=False), rows, door.dtype, budget)
    return (case for draw in draws if (case := drawn(law, draw, offer, settled)) is not None)


def menu(law: Law, offer: Offer, door: Door, budget: Budget, settled: Settled) -> list[Row]:
    """The sizes that are supported. All of them are met by the laws that are thorough about values; the others meet fewer in a
    quick run, and in a dtype beside float32."""
    rows = supported([row for row in law.rows if reaches(law, row, door, budget)], offer, settled)
    if law.statistical:
        return rows if budget.sizes is None else rows[:1]
    if door.backend in COMPILED:
        own = [row for row in law.subject.rows if "reach" not in row] if law.subject else []
        return compiled(law, rows, supported(own, offer, settled), budget)
    if budget.sizes is not None:
        return rows[: budget.sizes] if is_agreement(law) else rows[1 : budget.sizes : 2] or rows[:1]
    return varied(rows, QUICK_SIZES) if budget.quick and not is_agreement(law) else rows


def supported(rows: Iterable[Row], offer: Offer, settled: Settled) -> list[Row]:
    """The small sizes that are supported; where there are none, those that kernels are made for."""
    found = [row for row in rows if admits(offer, row) and settled.judges(row)]
    return [row for row in found if not row.get("kernel")] or found


def compiled(law: Law, rows: list[Row], own: list[Row], budget: Budget) -> list[Row]:
    """As many of the sizes as are worth their compilation. Agreement itself meets those that differ most; what else is asked
    meets some of them, if it can, since they are compiled."""
    most = BESIDE if budget.sizes is not None else QUICK if budget.quick else STACKS if is_stack(law) else SINGLE
    near, far = ([row for row in rows if ("reach" in row) == reaching] for reaching in (False, True))
    if is_agreement(law):
        return varied(near, most.met) + varied(far, most.reached)
    wanted = most.derived if law.thorough else most.related
    rows, agreed = [row for row in near or far if has_a_case(law, row)] or near, varied(own, most.met)
    known = [row for row in rows if row in agreed]
    if wanted == 1:  # the smallest is often a single number
        return [row for row in known if row != own[0]][:1] or rows[1:2] or rows[:1]
    return varied(known if len(known) >= wanted else rows, wanted)


def has_a_case(law: Law, row: Row) -> bool:
    """Does the law say anything of this size? Of a batch, where there is none, it does not."""
    kind, top = next(iter(law.kinds or KINDS)), law.top("float32")
    draws = (Draw(row, kind, seed, "float32", top, menu=tuple(law.rows), gradients=law.gradients) for seed in range(3))
    return any(DRAWN.of(law, draw) is not None for draw in draws)


def is_agreement(law: Law) -> bool:
    """Is it thorough about values: does it compare them, not their gradients, with the formula?"""
    return law.thorough and not law.gradients


def is_stack(law: Law) -> bool:
    """Is it a law of several components together, each size of which takes seconds to compile?"""
    return law.subject is not None and law.subject.stack


def varied(rows: list[Row], most: int) -> list[Row]:
    """So many of the sizes, in their order: the smallest, and one by one whichever brings most that none of them has yet, new
    options before new settings."""
    chosen, rest = rows[:1], rows[1:]
    while rest and len(chosen) < most:
        names, settings = set().union(*chosen), set().union(*map(brings, chosen))
        richest = max(rest, key=lambda row: (len(row.keys() - names), len(brings(row) - settings)))
        rest.remove(richest)
        chosen.append(richest)
    return sorted(chosen, key=rows.index)


def brings(row: Row) -> set[object]:
    """What a size is made of: options and their settings, so far as they are words; ranks; more queries or more keys."""
    length, length_k = row.get("length", 0), row.get("length_k", 0)
    settings = {(name, value if isinstance(value, bool | str) else None) for name, value in row.items()}
    return settings | {("rank", len(row.get("batch", ()))), ("longer", (length > length_k) - (length < length_k))}


def reaches(law: Law, row: Row, door: Door, budget: Budget) -> bool:
    """Does the law go as far as this size? Off the border of a "tile", and for "long" rows, code takes other paths, but a
    truth costs more there: laws that say so reach them, gradients the tiles alone and nowhere where each is compiled anew,
    and a quick run none."""
    reach = row.get("reach")
    too_far = law.gradients and (reach == "long" or door.backend in COMPILED)
    return reach is None or (law.reaching and not budget.quick and not too_far)


def admits(offer: Offer, row: Row) -> bool:
    """Are the sizes of this row among those that are supported, and the keywords that it needs? `length` speaks of keys too."""
    if not all(offer.takes(name) for name in row.get("needs", ())):
        return False
    for size, values in offer.only.items():
        names = (size, f"{size}_k") if size == "length" else (size,)
        if any(name in row and row[name] not in values for name in names):
            return False
    return True


def sweep(law: Law, rows: list[Row], dtype: str, budget: Budget) -> Iterator[Draw]:
    """Every kind in every size if the law is thorough, else every kind once and every size once, simplest first; each size
    once if it is statistical. Sizes off a tile, and long ones, meet every fourth kind, each the next ones."""
    kinds = list(law.kinds or KINDS)
    pairs = [(r, k) for r in range(len(rows)) for k in range(len(kinds))]
    if law.statistical:
        pairs = [(r, 0) for r in range(len(rows))]
    elif not law.thorough or budget.quick:
        pairs = [(r, k) for r, k in pairs if (k - r) % max(len(rows), 1) == 0 or (r - k) % len(kinds) == 0]
    if budget.sizes is not None and not law.thorough:
        turn = seed_of(law.component, law.name, dtype)
        pairs = [(r, k) for r, k in pairs if (k + turn) % KINDS_BY_TURNS == 0] or pairs[:1]
    if law.thorough:
        pairs = [(r, k) for r, k in pairs if "reach" not in rows[r] or (k - r) % 4 == 0]
    for r, k in sorted(pairs, key=lambda pair: (sum(pair), pair)):
        seed = seed_of(budget.seed, law.component, law.name, dtype, r, k)
        yield Draw(rows[r], kinds[k], seed, dtype, law.top(dtype), tuple(kinds), tuple(rows), law.gradients)


@dataclass
class Drawn:
    """The cases of the law in hand, each drawn once: all implementations meet the same ones."""

    law: Law | None = None
    known: dict[int, tuple[Draw, Case | None]] = field(default_factory=dict)

    def of(self, law: Law, draw: Draw) -> Case | None:
        """The case of a draw; None where the law has nothing to say."""
        if law is not self.law:
            self.law, self.known = law, {}
        if draw.seed not in self.known or self.known[draw.seed][0] != draw:
            try:
                case = law.draw(draw)
            except NotJudged:
                case = None
            self.known[draw.seed] = (draw, case)
        return self.known[draw.seed][1]


DRAWN = Drawn()


def drawn(law: Law, draw: Draw, offer: Offer, settled: Settled) -> Case | None:
    """The case of a draw, without keywords that are not offered; None where the law has nothing to say."""
    case = DRAWN.of(law, draw)
    if case is None:
        return None
    recipe = {"row": law.rows.index(draw.row), "kind": draw.kind, "seed": draw.seed}
    heard = case.but(options={n: value for n, value in case.options.items() if offer.takes(n)}, recipe=recipe)
    return heard if len(heard.options) == len(case.options) or still_fits(heard, law, settled) else None


def still_fits(case: Case, law: Law, settled: Settled) -> bool:
    """With some keywords not passed, has the formula an answer still, and one that the cotangent fits? To targets that are
    ignored it has none without the index, and a mean is no array."""
    spec = in_form(law.component, law.form)
    conventions = {name: value for name, value in settled.values.items() if name in spec.signature.parameters}
    options = {name: value for name, value in case.options.items() if name not in conventions}
    question = Question(spec, case.arguments, options, conventions, precision_of("float64"), case.aliases)
    try:
        answer = question.in_floats()
    except ValueError:
        return False
    return COTANGENT not in case.extra or np.shape(answer) == case.extra[COTANGENT].shape


def at_random(
    law: Law,
    rows: list[Row],
    offer: Offer,
    door: Door,
    budget: Budget,
    settled: Settled,
    run: Callable[[Case], Outcome],
    before: int,
) -> FoundCase | None:
    """The random phase. Hypothesis draws three numbers and shrinks them; the array minimiser does the rest."""
    sizes = varied([row for row in rows if "reach" not in row] or rows, SHAPES_AT_RANDOM)
    kinds = list(law.kinds or KINDS)
    best: list[FoundCase] = []
    count = before

    @hypothesis.seed(seed_of(budget.seed, law.component, law.name, door.dtype))
    @hypothesis.settings(
        max_examples=budget.examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.binary(min_size=RECIPE, max_size=RECIPE))
    def explore(drawn_bytes: bytes) -> None:
        nonlocal count
        size, kind_number, *rest = drawn_bytes
        row, kind, seed = sizes[size % len(sizes)], kinds[kind_number % len(kinds)], int.from_bytes(bytes(rest))
        top = law.top(door.dtype)
        recipe = Draw(row, kind, seed, door.dtype, top, tuple(kinds), tuple(rows), law.gradients)
        case = drawn(law, recipe, offer, settled)
        hypothesis.assume(case is not None)
        assert case is not None
        count += not best
        outcome = run(case)
        if outcome.bad:
            best[:] = [FoundCase(case, outcome, count)]
            raise Refuted

    try:
        with hypothesis_quietly():
            explore()
    except (Refuted, hypothesis.errors.Flaky):  # it failed once, even if not every time: that is a finding
        return best[0]
    except hypothesis.errors.Unsatisfiable:  # no size that is supported suits the law
        return None
    return None


def hypothesis_quietly() -> contextlib.AbstractContextManager[Any]:
    """No printed examples, and no folder left in the working directory: the case is reported as a record."""
    elsewhere = Path(tempfile.gettempdir()) / "veriformer-hypothesis"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(elsewhere))
    return contextlib.redirect_stdout(io.StringIO())
