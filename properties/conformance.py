"""Conformance: the loop over implementations, components, dtypes, devices and laws; the judging itself is judge's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from veriformer.impls.discover import Found
from veriformer.impls.protocol import Door, Implementation, Misuse
from veriformer.properties import INQUIRIES, LAWS, SUBJECTS, laws_of
from veriformer.properties.declaration import faults, near
from veriformer.properties.judge import fits, judge
from veriformer.properties.law import Law
from veriformer.properties.menu import Budget
from veriformer.properties.outcome import SUITE_FAILED
from veriformer.properties.script import script
from veriformer.properties.settle import Settled, settle
from veriformer.properties.truth import Truths
from veriformer.record import Key, Record, Verdict
from veriformer.spec import COMPONENTS

AGREES, FOLLOWS = "agrees_with_the_spec", "follows_a_convention"
"""What is asked of every component, and last of one with silent conventions: is one of the allowed values followed? That can be
told of who meets the formula."""
SHARE, ENOUGH = 0.05, 100
"""Of cases in which honest code may overflow, and how many cases say something about that."""
WIDE = ("float64", "float32")
"""The dtypes beside which narrower ones are judged in fewer sizes, and float64 beside float32."""


@dataclass(frozen=True)
class Selection:
    """What to judge; empty means everything."""

    components: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    only: frozenset[Key] = frozenset()
    """What was broken before and is to be judged again. An empty name in a key stands for any."""

    def __post_init__(self) -> None:
        """Raises Misuse for a component or law that does not exist, listing those that do."""
        for name in self.components:
            if name not in COMPONENTS:
                raise Misuse(f"no component {name!r}{near(name, COMPONENTS)}\ncomponents: {', '.join(COMPONENTS)}")
        known = sorted({law.name for name in self.components or COMPONENTS for law in laws_of(name)})
        for name in self.laws:
            if name not in (*known, FOLLOWS):
                raise Misuse(f"no law {name!r}{near(name, known)}\nlaws: {', '.join(known)}")

    def names(self, law: str) -> bool:
        """Is this law among those that are named?"""
        return not self.laws or law in self.laws or (law == AGREES and FOLLOWS in self.laws)

    def asks(self, *key: str) -> bool:
        """Is this asked, so far as `only` says? The key may end early: is anything below it?"""
        if key[2:3] == (AGREES,) and self.asks(*key[:2], FOLLOWS, *key[3:]):
            return True
        return not self.only or any(
            all(name in ("", asked) or not asked for name, asked in zip(one, key, strict=False)) for one in self.only
        )


SEARCHED = frozenset((law.component, law.name) for component in LAWS for law in laws_of(component))
"""The laws that are searched for an input that breaks them. All other verdicts are reached at once."""


@dataclass
class Suite:
    """One run over some targets. `exit_first`: stop at the first broken law."""

    found: Sequence[Found]
    selection: Selection = field(default_factory=Selection)
    budget: Budget = field(default_factory=Budget)
    exit_first: bool = False
    truths: Truths = field(default_factory=Truths)
    known: Mapping[Key, Record] = field(default_factory=dict)
    """Verdicts of an interrupted run, that are not to be searched for again."""
    overflowing: defaultdict[int, np.ndarray] = field(default_factory=lambda: defaultdict(lambda: np.zeros(2, int)))
    """Door -> cases in which honest code may overflow, and all cases of its component."""

    def records(self) -> Iterator[Record]:
        """Judge, and hand out each record as it is made."""
        yield from self.preliminaries()
        for group in self.groups():
            for record in self.group(*group):
                yield record
                if self.exit_first and record.bad:
                    return

    def preliminaries(self) -> Iterator[Record]:
        """What can be said before anything is asked: targets that could not be loaded, declarations that are misuse."""
        for found in self.found:
            if found.implementation is None:
                yield self.absent(found.name, "", found.error)
                continue
            for component, said in faults(found.implementation).items():
                yield self.absent(found.name, component, f"misuse: {said}")
            for component in self.selection.components:
                if component not in found.implementation.offers:
                    yield self.absent(found.name, component, "not offered")

    def groups(self) -> list[tuple[str, str]]:
        """Component and dtype: the pieces in which a run can be shared out, in their order."""
        out = []
        for component in self.selection.components or tuple(COMPONENTS):
            offered = [dtype for _, implementation in self.offering(component) for dtype in implementation.dtypes]
            out += [(component, dtype) for dtype in self.selection.dtypes or dict.fromkeys(offered)]
        return [(component, dtype) for component, dtype in out if self.selection.asks("", component, "", dtype)]

    def offering(self, component: str) -> list[tuple[Found, Implementation]]:
        """The implementations that offer the component, as it can be judged."""
        loaded = [(found, found.implementation) for found in self.found if found.implementation]
        return [(f, i) for f, i in loaded if component in i.offers and not faults(i).keys() & {component, ""}]

    def group(self, component: str, dtype: str) -> Iterator[Record]:
        """All laws of one component in one dtype: all implementations meet the same inputs, and share their truth."""
        opened: list[tuple[Found, Door, Settled]] = []
        shut: list[Record] = []
        for found, _ in self.offering(component):
            for door in self.doors(found, component, dtype):
                if isinstance(door, Record):
                    shut.append(door)
                    continue
                if not self.selection.asks(found.name, component, "", dtype, door.device):
                    continue
                settled = settle(door, component, INQUIRIES, fits, self.truths)
                opened.append((found, door, settled))
        met: set[int] = set()
        self.overflowing.clear()
        for law in laws_of(component):
            if self.selection.names(law.name):
                for found, door, settled in (one for one in opened if one[1].offers[component].form == law.form):
                    if not self.selection.asks(found.name, component, law.name, dtype, door.device):
                        continue
                    record = self.judged(law, found, door, settled)
                    if law.name == AGREES and not record.bad:
                        met.add(id(door))
                    met_at_all = record.judged + record.abstained + record.unsupported
                    self.overflowing[id(door)] += np.array([record.overflowing, met_at_all])
                    yield record
        for _, door, _ in opened:
            yield from self.too_wild(door, component)
        for _, door, settled in opened:
            yield from self.unexplained(door, component, settled, formula_is_met=id(door) in met)
        yield from shut
        for _, door, _ in opened:
            door.close()

    def doors(self, found: Found, component: str, dtype: str) -> Iterator[Door | Record]:
        """A door for every device, or the record that says why there is none."""
        implementation = found.present
        for device in self.selection.devices or implementation.devices:
            where = {"dtype": dtype, "device": device}
            if dtype not in implementation.dtypes or device not in implementation.devices:
                what = dtype if dtype not in implementation.dtypes else device
                yield self.verdict(
                    implementation.name, component, Verdict.UNSUPPORTED, f"{what} is not offered", **where
                )
                continue
            try:
                here = found.devices()
                if device in here:
                    yield found.open(dtype, device)
                    continue
                why = f"no {device} device"
            except Misuse as error:
                why = str(error)
            yield self.verdict(implementation.name, component, Verdict.ABSENT, why, **where)

    def judged(self, law: Law, found: Found, door: Door, settled: Settled) -> Record:
        """One verdict, with the script that shows it again."""
        known = self.known.get((door.name, law.component, law.name, door.dtype, door.device))
        if known is not None:
            return known
        budget = self.budget_of(found, door.dtype, law.component)
        record = judge(law, door, budget, settled=settled, truths=self.truths)
        if record.counterexample is None:
            return record
        return replace(record, counterexample={**record.counterexample, "script": script(record, found.target)})

    def budget_of(self, found: Found, dtype: str, component: str) -> Budget:
        """Beside float32 every other dtype meets fewer sizes and nothing at random, half types fewer still, stacks the fewest:
        what is wired wrongly shows in one dtype as in another, and all that the others add are roundings, which show in a few.
        Half types alone are judged in full, and so is float64."""
        offered = found.implementation.dtypes if found.implementation else ()
        judged = [name for name in offered if name in (self.selection.dtypes or offered)]
        if dtype == "float32" or not any(name in WIDE for name in judged if name != dtype):
            return self.budget
        return self.budget.narrowed(2 if SUBJECTS[component].stack else 8 if dtype == "float64" else 4)

    def unexplained(self, door: Door, component: str, settled: Settled, *, formula_is_met: bool) -> Iterator[Record]:
        """Conventions that none of the allowed values explains. Who does not meet the formula where it speaks, or was not
        asked, is told that alone: what it does where the formula is silent cannot be found out. Whose process died is told
        so in any case."""
        reached = Verdict.BROKEN if formula_is_met else Verdict.UNSUPPORTED
        doubt = "" if formula_is_met else ", nor can they: it is not known to meet the formula itself"
        told = [(name, Verdict.CRASHED, why) for name, why in settled.crashed.items()]
        told += [(name, reached, why + doubt) for name, why in settled.broken.items()]
        for name, verdict, why in told:
            convention = COMPONENTS[component].convention(name)
            yield self.verdict(
                door.name,
                component,
                verdict,
                f"{name}: {why}",
                law=FOLLOWS,
                sentence=f"Where the formula is silent, one convention is followed. {convention.source if convention else ''}",
                dtype=door.dtype,
                device=door.device,
                conventions=dict(settled.described),
                judged=int(verdict is not Verdict.UNSUPPORTED),
            )

    def too_wild(self, door: Door, component: str) -> Iterator[Record]:
        """Our probes are at fault where honest code may overflow in more than one of twenty cases of a single component, and
        so many more that it is no chance: three standard deviations. A few laws alone, whose cases are few, say nothing about
        them, nor do cases under an option (eps = 0) or an arithmetic that is declared, since they are drawn for others."""
        overflowing, drawn = self.overflowing[id(door)]
        offer, options = door.offers[component], COMPONENTS[component].options
        elsewhere = any(value != options[name] for name, value in offer.conventions.items() if name in options)
        if SUBJECTS[component].stack or elsewhere or (offer.computes_in or door.dtype) != door.dtype:
            return
        if overflowing <= SHARE * (most := max(drawn, ENOUGH)) + 3 * np.sqrt(SHARE * (1 - SHARE) * most):
            return
        said = f"{SUITE_FAILED}: honest code may overflow in {overflowing} of {drawn} cases drawn in {door.dtype}"
        yield self.verdict(
            door.name,
            component,
            Verdict.ABSTAINED,
            said,
            law="is_drawn_within_range",
            dtype=door.dtype,
            device=door.device,
        )

    def absent(self, name: str, component: str, message: str) -> Record:
        """A target, or a component of it, that could not be judged."""
        return self.verdict(name, component, Verdict.ABSENT, message)

    def verdict(self, name: str, component: str, verdict: Verdict, message: str, **fields: object) -> Record:
        """A verdict that needed no law."""
        return Record(
            kind="verdict",
            implementation=name,
            component=component,
            verdict=verdict,
            message=message,
            seed=self.budget.seed,
            **fields,  # type: ignore[arg-type]
        )


def faults_of_the_suite(records: Iterable[Record], truths: Truths) -> list[str]:
    """What the suite did not do as it should, in words."""
    said = dict.fromkeys(record.message for record in records if record.message.startswith(SUITE_FAILED))
    uncertified = [f"{truths.uncertified} truths could not be certified"] if truths.uncertified else []
    return [*uncertified, *(message.removeprefix(f"{SUITE_FAILED}: ") for message in said)]


def exit_code(records: Iterable[Record], found: Sequence[Found], truths: Truths) -> int:
    """0: every target was judged and nothing is broken, known deviations apart. 1: something is. 2: misuse, a target that
    could not be loaded, or nothing judged. 3: the suite itself failed. Of several: 3, then 1, then 2."""
    verdicts = [record for record in records if record.kind == "verdict"]
    if faults_of_the_suite(verdicts, truths):
        return 3
    if any(record.fails for record in verdicts):
        return 1
    misused = any(record.message.startswith("misuse: ") for record in verdicts)
    judged = {record.implementation for record in verdicts if record.verdict is Verdict.HELD or record.known}
    loaded = all(one.name in judged for one in found if one.named or one.implementation)
    return 0 if judged and loaded and not misused else 2
