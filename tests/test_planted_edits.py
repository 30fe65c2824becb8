"""Thirty-three slips of one line, planted in copies of our own implementations: `veriformer check -x` finds every one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planted_copy import copied, forgotten, plant
from tests.planted_edits import EDITS, KINDS, TWO_SIZES, Edit
from veriformer.impls.discover import find
from veriformer.properties import SUBJECTS, diagnose, minimise
from veriformer.properties.conformance import Selection, Suite, exit_code
from veriformer.properties.declaration import faults
from veriformer.properties.menu import Budget, admits
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS

DTYPES = {"numpy": ("float32", "float64"), "torch": ("float32", "float64"), "jax": ("float32",)}
WHOLE = Budget(examples=25)
QUICK = Budget(examples=5, quick=True)
"""The budgets of `veriformer check`, without and with --quick."""


def name_of(edit: Edit) -> str:
    """Short, and its own."""
    return f"{edit.framework}-{edit.component}-{edit.kind.replace(' ', '_')}"


EACH_EDIT = [
    pytest.param(edit, dtype, id=f"{name_of(edit)}-{dtype}")
    for edit in EDITS
    for dtype in edit.dtypes or DTYPES[edit.framework]
]
BY_COMMAND = ("numpy-softmax-sign", "torch-encoder_layer-eps", "jax-sinusoidal_positions-axis")


@pytest.fixture(autouse=True)
def only_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By which law is it found? No more is asked."""
    monkeypatch.setattr(diagnose, "DIAGNOSED", ())
    monkeypatch.setattr(minimise, "CALLS", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder; what is imported from it is forgotten again."""
    with forgotten():
        yield tmp_path


def copy(framework: str, component: str, folder: Path, edit: Edit | None = None) -> Path:
    """A file to check: our implementation copied to a package of its own, with the edit."""
    two_sizes = f"only={TWO_SIZES.get(component)!r}, form=known.form, **known.conventions"
    in_jax = (
        f"known = impl.offers[{component!r}]",
        f"offer = impl.component({component!r}, {two_sizes})",
        f"offer(impl.functions[{component!r}])",
    )
    target = copied(framework, folder, in_jax if framework == "jax" else ())
    if edit:
        plant(target, component, edit.old, edit.new)
    return target


def check(target: Path, component: str, dtype: str, budget: Budget = WHOLE) -> tuple[int, list[Record]]:
    """What `veriformer check TARGET -x -c COMPONENT --dtype DTYPE --device cpu` does: its exit code and its records."""
    found = find(str(target))
    suite = Suite(found, Selection((component,), (), (dtype,), ("cpu",)), budget, exit_first=True)
    records = list(suite.records())
    return exit_code(records, found, suite.truths), records


def test_the_table_is_as_wide_as_it_says() -> None:
    assert Counter(edit.framework for edit in EDITS) == {"numpy": 11, "torch": 11, "jax": 11}
    assert min(Counter(edit.component for edit in EDITS).values()) >= 2
    assert {edit.component for edit in EDITS} <= set(
        COMPONENTS
    )  # the others have slips planted in test_planted_slips.py
    for framework in DTYPES:
        kinds = {edit.kind for edit in EDITS if edit.framework == framework}
        assert kinds | {"in place"} == set(KINDS)
    assert len({name_of(edit) for edit in EDITS}) == len(EDITS)
    assert [edit for edit in EDITS if "\n" in edit.old + edit.new or edit.old == edit.new] == []


@pytest.mark.parametrize("component", TWO_SIZES)
def test_jax_compiles_two_sizes(component: str, folder: Path) -> None:
    (found,) = find(str(copy("jax", component, folder)))
    assert found.implementation, found.error
    assert faults(found.implementation) == {}
    offer = found.implementation.offers[component]
    assert len([row for row in SUBJECTS[component].rows if admits(offer, row)]) == 2


@pytest.mark.parametrize("framework", DTYPES)
@pytest.mark.parametrize("component", ["softmax", "layer_norm"])
def test_a_copy_without_an_edit_is_not_accused(framework: str, component: str, folder: Path) -> None:
    code, records = check(copy(framework, component, folder), component, "float32", QUICK)
    assert code == 0, [record.message for record in records]


@pytest.mark.parametrize(("edit", "dtype"), EACH_EDIT)
def test_the_edit_is_found(edit: Edit, dtype: str, folder: Path) -> None:
    code, records = check(copy(edit.framework, edit.component, folder, edit), edit.component, dtype)
    assert code == 1, [record.message for record in records]
    assert (records[-1].law, records[-1].verdict) == (edit.law, Verdict.CRASHED if edit.crashes else Verdict.BROKEN)


@pytest.mark.parametrize("name", BY_COMMAND)
def test_the_command_says_so_too(name: str, folder: Path) -> None:
    (edit,) = (edit for edit in EDITS if name_of(edit) == name)
    target = copy(edit.framework, edit.component, folder, edit)
    done = subprocess.run(
        [sys.executable, "-m", "veriformer.cli", "check", str(target), "-x", "-c", edit.component],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert edit.law in done.stdout
