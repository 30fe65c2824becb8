"""Bugs that really happened, re-created in `bugs/`: each has the fate that its file says, and honest code is not accused."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.bugs.bug import ABSENT, DECLARED, FOUND, HONEST, Bug
from veriformer.impls.discover import Found
from veriformer.impls.protocol import Implementation
from veriformer.properties import diagnose, minimise
from veriformer.properties.conformance import Selection, Suite
from veriformer.properties.menu import Budget
from veriformer.properties.truth import Truths
from veriformer.record import Record
from veriformer.spec import COMPONENTS

FILES = [path.stem for path in sorted((Path(__file__).parent / "bugs").glob("*.py")) if path.stem != "bug"]
MODULES = {name: importlib.import_module(f"tests.bugs.{name}") for name in FILES}
BUGS: list[Bug] = [bug for module in MODULES.values() for bug in module.BUGS]
TRUTHS = Truths()
BUDGETS = (Budget(0, quick=True), Budget(25))
"""In a quick sweep if it is found there: the default goes through all cases of the laws that do not find it first."""


@pytest.fixture(autouse=True)
def only_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is it found? What it is called, and how small its counterexample becomes, is a figure of the power session."""
    monkeypatch.setattr(diagnose, "DIAGNOSED", ())
    monkeypatch.setattr(minimise, "CALLS", 0)


def of_fate(*fates: str) -> list[Bug]:
    """The bugs with one of these fates."""
    return [bug for bug in BUGS if bug.fate in fates]


def judged(implementation: Implementation, component: str, budget: Budget) -> list[Record]:
    """The records of `veriformer check -x`."""
    found = [Found(implementation.name, implementation)]
    return list(Suite(found, Selection((component,)), budget, exit_first=True, truths=TRUTHS).records())


@pytest.mark.parametrize("bug", of_fate(FOUND, DECLARED), ids=lambda bug: bug.id)
def test_is_found(bug: Bug) -> None:
    assert bug.implementation is not None
    found = (any(record.bad for record in judged(bug.implementation, bug.component, budget)) for budget in BUDGETS)
    assert any(found), "nothing was found"


@pytest.mark.parametrize("bug", of_fate(HONEST), ids=lambda bug: bug.id)
def test_is_not_accused_of_what_honest_code_does(bug: Bug) -> None:
    assert bug.implementation is not None
    records = judged(bug.implementation, bug.component, Budget(5, quick=True))
    assert [f"{record.law}: {record.message}" for record in records if record.bad] == []


@pytest.mark.parametrize("bug", of_fate(ABSENT), ids=lambda bug: bug.id)
def test_has_no_component_here(bug: Bug) -> None:
    assert bug.component not in COMPONENTS
    assert bug.implementation is None


@pytest.mark.parametrize("name", [name for name in FILES if hasattr(MODULES[name], "honest")])
def test_does_not_accuse_the_honest_version(name: str) -> None:
    honest: Implementation = MODULES[name].honest
    for component in honest.offers:
        records = judged(honest, component, Budget(5, quick=True))
        assert [f"{record.law}: {record.message}" for record in records if record.bad] == []


def test_every_bug_is_counted_once() -> None:
    assert len({bug.id for bug in BUGS}) == len(BUGS)
    assert len({bug.url for bug in BUGS}) == len(BUGS)
