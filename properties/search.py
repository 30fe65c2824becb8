"""Search: first a sweep, every kind of values in every size, smallest and simplest first; then Hypothesis at random."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import strategies as st

from veriformer.impls.protocol import Door, Offer
from veriformer.properties.drawn import drawn
from veriformer.properties.law import Case, Law
from veriformer.properties.menu import Budget, menu, varied
from veriformer.properties.probes import KINDS, Draw, Row
from veriformer.properties.seeds import seed_of
from veriformer.properties.settle import Settled

if TYPE_CHECKING:
    from veriformer.properties.outcome import Outcome

SHAPES_AT_RANDOM = 6
"""Sizes that Hypothesis may choose among: bugs need options, and no large ones."""

DECLINED = 2
"""So often is a size asked for that is declined."""
KINDS_BY_TURNS = 6
"""Of the kinds of values a law that is not thorough about them meets every sixth there, another law the next ones."""
KINDS_OF_TILES, OF_TILES = 8, ("offset", "large_at_the_end", "far_offset")
"""Off the border of a tile every eighth kind is met, and these: there what is left out at the end stands out, and a maximum of
nothing, taken for 0, lies above all scores that there are."""
RECIPE = 11
"""Bytes of one random recipe: size, kind, seed. One string of odd length, since Hypothesis now and then draws numbers that it
finds in the modules loaded: the examples must not depend on whose modules they are."""


@dataclass(frozen=True)
class FoundCase:
    """A case that decides the law, and how many came before it."""

    case: Case
    outcome: Outcome
    examples: int


class Refuted(Exception):
    """Stops the random phase."""


def find(
    law: Law,
    offer: Offer,
    door: Door,
    budget: Budget,
    settled: Settled,
    run: Callable[[Case], Outcome],
    foresee: Callable[[Iterable[Case]], None],
) -> FoundCase | None:
    """The first case on which the law is broken, or None. A size that was declined so often, and never answered, is not met
    again: it is not supported, and the law is judged on those that are. foresee: told of the cases of a size when it is met."""
    rows = menu(law, offer, door, budget, settled)
    draws = list(sweep(law, rows, door.dtype, budget))
    of_size: dict[int, list[int]] = {}
    for number, draw in enumerate(draws):
        of_size.setdefault(id(draw.row), []).append(number)
    ahead: dict[int, dict[int, Case]] = {}
    examples, declined = 0, Counter[int]()
    for number, draw in enumerate(draws):
        size = id(draw.row)
        if declined[size] >= DECLINED:
            continue
        if size not in ahead:
            cases = ((i, drawn(law, draws[i], offer, settled)) for i in of_size[size])
            ahead[size] = {i: case for i, case in cases if case is not None}
            foresee(ahead[size].values())
        case = ahead[size].get(number)
        if case is not None:
            examples += 1
            outcome = run(case)
            if outcome.bad:
                return FoundCase(case, outcome, examples)
            declined[size] += 1 if outcome.raised else -len(KINDS) if outcome.weighed else 0
    rows = [row for row in rows if declined[id(row)] <= 0]
    if law.statistical or law.dear or not (law.at_random and rows and budget.examples):
        return None
    return at_random(law, rows, offer, door, budget, settled, run, examples)


def cases(law: Law, offer: Offer, door: Door, budget: Budget, settled: Settled) -> Iterator[Case]:
    """The cases of a sweep, each size once, in their order."""
    rows = menu(law, offer, door, budget, settled)
    draws = sweep(replace(law, thorough=False), rows, door.dtype, budget)
    return (case for draw in draws if (case := drawn(law, draw, offer, settled)) is not None)


def sweep(law: Law, rows: list[Row], dtype: str, budget: Budget) -> Iterator[Draw]:
    """Every kind in every size if the law is thorough, else every kind once and every size once, simplest first; each size
    once if it is statistical. Sizes off a tile, and long ones, take most of the time: they meet the kinds in which loops over
    tiles go wrong, and every eighth of the others, another size the next ones."""
    kinds = list(law.kinds or KINDS)
    pairs = [(r, k) for r in range(len(rows)) for k in range(len(kinds))]
    if law.statistical:
        pairs = [(r, 0) for r in range(len(rows))]
    elif not law.thorough or budget.brief:
        pairs = [(r, k) for r, k in pairs if (k - r) % max(len(rows), 1) == 0 or (r - k) % len(kinds) == 0]
    if budget.sizes is not None and not law.thorough:
        turn = seed_of(law.component, law.name, dtype)
        pairs = [(r, k) for r, k in pairs if (k + turn) % KINDS_BY_TURNS == 0] or pairs[:1]
    if law.thorough:
        every = [1 if "reach" not in row else KINDS_OF_TILES for row in rows]
        pairs = [(r, k) for r, k in pairs if (k - r) % every[r] == 0 or kinds[k] in OF_TILES]
    for r, k in sorted(pairs, key=lambda pair: (sum(pair), pair)):
        seed = seed_of(budget.seed, law.component, law.name, dtype, r, k)
        yield Draw(rows[r], kinds[k], seed, dtype, law.top(dtype), tuple(kinds), tuple(rows), law.gradients)


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
