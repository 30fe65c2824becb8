"""Run: what the commands do, in the order in which they do it."""

from __future__ import annotations

import datetime
import inspect
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from veriformer.bench import machine
from veriformer.impls.discover import Found, find, installed
from veriformer.impls.protocol import DTYPES, Misuse
from veriformer.impls.worker import devices_of, versions_of
from veriformer.jobs import in_one_process, shared_out
from veriformer.properties import LAWS
from veriformer.properties.conformance import Selection, Suite, exit_code
from veriformer.properties.declaration import near, spec_call
from veriformer.properties.search import Budget
from veriformer.record import Record
from veriformer.spec import COMPONENTS, SLIPS, Component, Slip

PACKAGES = ("veriformer", "numpy", "scipy", "python-flint", "hypothesis", "torch", "jax", "ml_dtypes")


def found_in(targets: Sequence[str]) -> list[Found]:
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
        elif first.implementation is not one.implementation:
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
    ) -> Plan:
        """Raises Misuse for a component, law or dtype that does not exist."""
        for name in dtypes or ():
            if name not in DTYPES:
                raise Misuse(f"no dtype {name!r}{near(name, DTYPES)}\ndtypes: {', '.join(DTYPES)}")
        selection = Selection(tuple(components or ()), tuple(laws or ()), tuple(dtypes or ()), tuple(devices or ()))
        budget = Budget(examples if examples is not None else 5 if quick else 25, quick, seed)
        return cls(Suite(found_in(targets), selection, budget, exit_first), tuple(targets), real, workers)

    @property
    def found(self) -> Sequence[Found]:
        return self.suite.found

    @property
    def budget(self) -> Budget:
        return self.suite.budget

    def exit_code(self, records: Sequence[Record]) -> int:
        """See the README: 0 all held, 1 broken, 2 misuse or nothing judged, 3 the suite failed."""
        return exit_code(records, self.found, self.suite.truths)


def checked(plan: Plan) -> Iterator[Record]:
    """Judge on searched inputs, then, if asked, on a real model's."""
    if plan.workers > 1:
        return shared_out(plan.suite, plan.targets, plan.real, plan.workers)
    return in_one_process(plan.suite, plan.real)


def environment(found: Sequence[Found], options: Mapping[str, Any]) -> Record:
    """The record of the run itself: machine, versions, command. No paths, no host names."""
    import sys

    described = {
        **machine.environment(),
        "python": platform.python_version(),
        "versions": versions(),
        "command": " ".join(["veriformer", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "options": dict(options),
        "targets": sorted({one.name for one in found}),
    }
    return Record(kind="run", environment=described)


def versions() -> dict[str, str]:
    """The versions of what decides the numbers."""
    out = {}
    for package in PACKAGES:
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            out[package] = "not installed"
    return out


def listing() -> list[dict[str, Any]]:
    """Every installed implementation as a row."""
    rows = []
    for name in sorted(installed()):
        for found in find(name):
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
                    row["versions"] = [f"{n} {v}" for n, v in versions_of(found.implementation).items()]
                    row["devices"] = list(devices_of(found.implementation))
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

    found = found_in(targets)
    broken = [one for one in found if one.implementation is None]
    if broken:
        raise Misuse("\n".join(f"{one.target}: {one.error}" for one in broken))
    implementations = [one.implementation for one in found if one.implementation]
    if verdicts is None:
        names = tuple(components or sorted({workload.component for workload in WORKLOADS}))
        suite = Suite(found, Selection(names, (), ("float32",), tuple(devices or ())), Budget(5, quick=True))
        verdicts = list(suite.records())
    return bench(implementations, verdicts, components=components, devices=devices, repeats=repeats, quick=quick)


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
