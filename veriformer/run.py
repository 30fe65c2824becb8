"""Run: what the commands do, in the order in which they do it."""

from __future__ import annotations

import datetime
import hashlib
import inspect
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from veriformer import properties, reports, spec
from veriformer.bench import machine
from veriformer.impls import discover, door
from veriformer.impls.discover import Found
from veriformer.impls.protocol import DTYPES, Misuse
from veriformer.impls.spawned import Limits
from veriformer.jobs import Keep, forget, in_one_process, shared_out
from veriformer.journal import Journal
from veriformer.known import Known
from veriformer.properties import LAWS, OBJECT_LAWS
from veriformer.properties.conformance import Selection, Suite, exit_code, faults_of_the_suite
from veriformer.properties.declaration import near, spec_call
from veriformer.properties.menu import Budget
from veriformer.properties.real.agreement import LAWS as REAL
from veriformer.record import NOT_INSTALLED, Record
from veriformer.spec import COMPONENTS, SLIPS, Component, Slip

REAL_LAWS = {law.name for law in REAL.values()}
PACKAGES = ("veriformer", "numpy", "scipy", "python-flint", "hypothesis", "torch", "jax", "ml_dtypes")


def found_in(targets: Sequence[str], find: Callable[[str], list[Found]] = door.find) -> list[Found]:
    """Everything that the targets name, each implementation once, and each under a name of its own."""
    named: dict[str, Found] = {}
    out = []
    for one in (one for target in dict.fromkeys(targets) for one in find(target)):
        if one.implementation is None:
            out.append(one)
            continue
        first = named.setdefault(one.name, one)
        if first is one:
            out.append(one)
        elif first.at != one.at:
            said = f"holds a second implementation named {one.name!r} (the first: {first.target}); give it another name"
            out.append(replace(one, implementation=None, error=said))
    return out


@dataclass(frozen=True)
class Plan:
    """What `check` was asked to do."""

    suite: Suite
    targets: tuple[str, ...]
    real: bool
    workers: int
    known: Known = field(default_factory=Known)
    exit_first: bool = False
    """Stop at the first law that fails the run. The suite itself knows no deviations: it stops at the first broken one."""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(
        cls,
        targets: Sequence[str],
        components: Sequence[str] | None,
        laws: Sequence[str] | None,
        dtypes: Sequence[str] | None,
        devices: Sequence[str] | None,
        examples: int | None,
        seed: int,
        quick: bool,
        exit_first: bool,
        real: bool,
        workers: int,
        known: Known | None = None,
        again: Sequence[Record] | None = None,
        limits: Limits | None = None,
    ) -> Plan:
        """`again`: records, of which only what is broken is judged. Raises Misuse for a component, law or dtype that does
        not exist."""
        for name in dtypes or ():
            if name not in DTYPES:
                raise Misuse(f"no dtype {name!r}{near(name, DTYPES)}\ndtypes: {', '.join(DTYPES)}")
        found = found_in(targets, lambda target: door.find(target, limits))
        names = {one.name for one in found if one.implementation}
        bad = [record for record in again or () if record.kind == "verdict" and record.bad]
        only = frozenset(record.key for record in bad if record.implementation in names)
        if again is not None and not only:
            raise Misuse(
                f"the records hold nothing broken or crashed of {', '.join(sorted(names)) or 'these targets'}; "
                "leave out --only-broken to judge everything"
            )
        selection = Selection(
            tuple(components or ()), tuple(laws or ()), tuple(dtypes or ()), tuple(devices or ()), only
        )
        real = real or any(law in REAL_LAWS for _, _, law, _, _ in only)
        budget = Budget(examples if examples is not None else 5 if quick else 25, quick, seed)
        suite = Suite(found, selection, budget, exit_first and known is None)
        return cls(suite, tuple(targets), real, workers, known or Known(), exit_first, limits or Limits())

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for and decides the records; by how many processes they are made does not."""
        asked = {**vars(self.suite.budget), **vars(self.suite.selection), **vars(self.limits)}
        only = sorted(map(list, self.suite.selection.only))
        return {**asked, "only": only, "real": self.real, "exit_first": self.exit_first}

    @property
    def found(self) -> Sequence[Found]:
        return self.suite.found

    @property
    def lost(self) -> list[str]:
        """What was asked for by name and could not be loaded."""
        return [one.name for one in self.found if one.named and one.implementation is None]

    @property
    def budget(self) -> Budget:
        return self.suite.budget

    def exit_code(self, records: Sequence[Record]) -> int:
        """See the README: 0 all held, 1 broken, 2 misuse or nothing judged, 3 the suite failed."""
        asks = self.suite.selection.asks
        asked = [one for one in self.found if one.implementation is None or asks(one.name)]
        return exit_code(records, asked, self.suite.truths)

    def faults_of_the_suite(self, records: Sequence[Record]) -> list[str]:
        """Why the code is 3, in words."""
        return faults_of_the_suite(records, self.suite.truths)


def checked(plan: Plan, book: Journal | None = None) -> Iterator[Record]:
    """Judge on searched inputs, then, if asked, on a real model's; last, what is known and did not occur. What the journal
    holds is not searched for again."""
    keep: Keep = forget
    if book is not None:
        plan.suite.known, keep = book.known, book.append
    if plan.workers > 1:
        records = shared_out(plan.suite, plan.real, plan.workers, keep)
    else:
        records = in_one_process(plan.suite, plan.real, keep)
    for record in plan.known.marked(records, versions(plan.known.libraries)):
        if not record.law or plan.suite.selection.asks(*record.key):
            yield record
        if record.fails and plan.exit_first:
            return
    yield from plan.known.stale()


def environment(found: Sequence[Found], options: Mapping[str, Any], libraries: Sequence[str] = ()) -> Record:
    """The record of the run itself: machine, versions, of further libraries too, command. No paths, no host names."""
    described = {
        **machine.environment(),
        "python": platform.python_version(),
        "versions": versions(libraries),
        "command": command(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "options": dict(options),
        "targets": sorted({one.name for one in found}),
        "sources": {"veriformer": digest_of_the_suite()} | {n: d for one in found for n, d in one.sources.items()},
    }
    return Record(kind="run", environment=described)


def command() -> str:
    """What was typed."""
    return " ".join(["veriformer", *sys.argv[1:]])


def digest_of_the_suite() -> str:
    """Of its own sources: two versions under development have one number."""
    digest = hashlib.sha256()
    for room in (spec, properties, reports):
        for path in sorted(Path(room.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def versions(libraries: Sequence[str] = ()) -> dict[str, str]:
    """The versions of what decides the numbers, and of further libraries."""
    out = {}
    for package in dict.fromkeys((*PACKAGES, *libraries)):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = NOT_INSTALLED
    return out


def listing() -> list[dict[str, Any]]:
    """Every installed implementation as a row."""
    rows = []
    for name in sorted(discover.installed()):
        for found in door.find(name):
            row: dict[str, Any] = {
                "name": found.name,
                "backend": "",
                "versions": [],
                "devices": [],
                "components": [],
                "error": found.error,
            }
            if found.implementation:
                row |= {"backend": found.implementation.backend, "components": sorted(found.implementation.offers)}
                try:
                    row["versions"] = [f"{n} {v}" for n, v in found.versions().items()]
                    row["devices"] = list(found.devices())
                except Misuse as error:
                    row["error"] = str(error)
            rows.append(row)
    return rows


def timed(
    targets: Sequence[str],
    verdicts: Sequence[Record] | None,
    *,
    components: Sequence[str] | None,
    devices: Sequence[str] | None,
    repeats: int,
    quick: bool,
) -> list[Record]:
    """Time what the targets name. Without verdicts, a quick check of the components to be timed comes first."""
    from veriformer.bench.run import bench
    from veriformer.bench.workloads import WORKLOADS

    found = found_in(targets, discover.find)
    broken = [one for one in found if one.implementation is None]
    if broken:
        raise Misuse("\n".join(f"{one.target}: {one.error}" for one in broken))
    implementations = [one.implementation for one in found if one.implementation]
    if verdicts is None:
        names = tuple(components or sorted({workload.component for workload in WORKLOADS}))
        suite = Suite(found, Selection(names, (), ("float32",), tuple(devices or ())), Budget(5, quick=True))
        verdicts = list(suite.records())
    records = bench(implementations, verdicts, components=components, devices=devices, repeats=repeats, quick=quick)
    return [
        replace(one, environment={**(one.environment or {}), "command": command()}) if one.kind == "run" else one
        for one in records
    ]


def described(component: str | None) -> str:
    """A component as a page of text, or the list of all."""
    if component is None:
        width = max(map(len, COMPONENTS))
        return "\n".join(f"{name:{width}}  {first_line(spec.function)}" for name, spec in COMPONENTS.items())
    if component not in COMPONENTS:
        raise Misuse(f"no component {component!r}{near(component, COMPONENTS)}\ncomponents: {', '.join(COMPONENTS)}")
    spec = COMPONENTS[component]
    lines = [
        f"{spec.name}{spec_call(spec)}",
        "",
        inspect.getdoc(spec.function) or "",
        "",
        f"Source: {spec.source}",
    ]
    lines += ["", "Honest algorithms, whose rounding errors the bound admits:"]
    lines += [f"  - {honest.algorithm} ({honest.source})" for honest in spec.honest]
    for convention in spec.conventions:
        default = "silent: found out by asking" if convention.silent else f"stated, {convention.default!r} by default"
        lines += ["", f"Convention {convention.name} ({default}): {convention.source}"]
        lines += [f"  {value!r:24} {convention.who.get(value, '')}".rstrip() for value in convention.values]
    slips = slips_of(spec)
    if slips:
        lines += ["", "Slips, tried when an answer is not the formula's:"]
        lines += [f"  - {slip.name}: {slip.sentence}" for slip in slips]
    lines += ["", "Laws:", *(f"  - {law.name}: {law.sentence}" for law in LAWS[component])]
    if component in OBJECT_LAWS:
        lines += ["", 'Laws of form="object", with step(grads) -> params:']
        lines += [f"  - {law.name}: {law.sentence}" for law in OBJECT_LAWS[component]]
    return "\n".join(lines)


def explained(component: str, records: Sequence[Record]) -> str:
    """What the bounds of a component are made of, at each record's counterexample or worst case. Raises Misuse where none can
    be explained."""
    from veriformer.properties.explain import EXPLAINED
    from veriformer.properties.explain import explained as explain

    if component not in COMPONENTS:
        raise Misuse(f"no component {component!r}{near(component, COMPONENTS)}\ncomponents: {', '.join(COMPONENTS)}")
    pages, why = [], []
    for record in records:
        if record.component == component and record.law in EXPLAINED:
            try:
                pages.append("\n".join(explain(record).lines()))
            except ValueError as error:
                why.append(str(error))
    if not pages:
        said = (
            "; ".join(dict.fromkeys(why)) or f"the records hold no verdict of {component} for {' or '.join(EXPLAINED)}"
        )
        raise Misuse(f"nothing to explain: {said}")
    return "\n\n".join(pages)


def slips_of(spec: Component) -> list[Slip]:
    """The slips declared in the component's own file."""
    return [slip for slip in SLIPS if slip.by.__module__ == spec.function.__module__]


def first_line(function: Any) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(function) or "").split("\n")[0]
