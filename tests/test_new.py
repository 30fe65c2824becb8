"""Skeletons: each can be imported and judged as it is printed, and those that have a body hold."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from veriformer.bodies import ANY, JAX, NUMPY, TORCH
from veriformer.cli import main
from veriformer.impls.discover import find
from veriformer.impls.protocol import BACKENDS
from veriformer.new import skeleton
from veriformer.properties.declaration import faults
from veriformer.record import Verdict, read
from veriformer.spec import COMPONENTS, forms_of, in_form

BODIES = {"numpy": NUMPY, "torch": TORCH, "jax": JAX}
AGREE = ("--law", "agrees_with_the_spec", "--law", "gradients_agree_with_the_spec")
EVERY_LAW = (("softmax", "torch"), ("layer_norm", "torch"), ("attention", "numpy"))
WRITTEN = [(component, backend) for backend in BACKENDS for component in (*BODIES[backend], *ANY)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("component", "form"), [(name, form) for name in COMPONENTS for form in forms_of(name)])
def test_every_skeleton_can_be_imported_and_judged(component: str, form: str, backend: str, tmp_path: Path) -> None:
    """With the spec's own signature, its docstring and its conventions, in lines of at most 120 columns."""
    pytest.importorskip(backend)
    spec, text = in_form(component, form), skeleton(component, backend, form)
    path = tmp_path / "mine.py"
    path.write_text(text)
    (found,) = find(str(path))
    assert found.implementation is not None, found.error
    assert faults(found.implementation) == {}
    assert list(found.implementation.offers) == [component]
    offer, function = found.implementation.offers[component], found.implementation.functions[component]
    assert offer.positional == spec.offered
    assert offer.keywords is not None and set(spec.options) <= offer.keywords
    assert inspect.getdoc(function) == inspect.getdoc(spec.function)
    for convention in spec.conventions:
        assert f"#     {convention.name}: " in text
    assert max(map(len, text.splitlines())) <= 128
    assert text.endswith("\n") and not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize(("component", "backend"), WRITTEN)
def test_what_has_a_body_holds(
    component: str, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing broken, nothing crashed; every keyword of the signature is used or declined."""
    pytest.importorskip(backend)
    path, records = tmp_path / "mine.py", tmp_path / "records.jsonl"
    path.write_text(skeleton(component, backend))
    quick = ("--quick", "--examples", "0", "--dtype", "float32", "--json", str(records))
    with pytest.raises(SystemExit) as exited:
        main(["check", str(path), *quick, *(() if (component, backend) in EVERY_LAW else AGREE)])
    assert exited.value.code == 0, capsys.readouterr().out
    rows = [record for record in read(records) if record.kind == "verdict"]
    assert next(row.verdict for row in rows if row.law == "agrees_with_the_spec") is Verdict.HELD


def test_what_has_none_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It declines: unsupported with its own words, and exit 2, since nothing was judged. Objects too."""
    for component in ("rotary_positions", "cached_attention"):
        path, records = tmp_path / f"{component}.py", tmp_path / "records.jsonl"
        path.write_text(skeleton(component, "numpy"))
        quick = ("--quick", "--examples", "0", "--dtype", "float32", "--json", str(records))
        with pytest.raises(SystemExit) as exited:
            main(["check", str(path), *quick])
        assert exited.value.code == 2
        assert f"{component} is not written yet" in capsys.readouterr().out
        assert not [record for record in read(records) if record.bad]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """To standard output, and nothing else."""
    with pytest.raises(SystemExit) as exited:
        main(["new", "attention", "--backend", "torch"])
    assert not exited.value.code
    printed = capsys.readouterr()
    assert printed.out == skeleton("attention", "torch")
    assert not printed.err
    ast.parse(printed.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("atention",), "no component 'atention'; did you mean 'attention'?\ncomponents: softmax, "),
        (("attention", "--form", "object"), "the form of attention 'object' is not known; one of 'function'"),
        (("attention", "-b", "mlx"), "backend 'mlx' is not known; one of 'numpy', 'torch', 'jax'"),
    ],
)
def test_what_does_not_exist_is_misuse(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with what there is."""
    with pytest.raises(SystemExit) as exited:
        main(["new", *arguments])
    assert exited.value.code == 2
    assert said in capsys.readouterr().err
