"""New: a plug-in to start from, for one component and one framework: signature and formula from the spec, a body to replace."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

from veriformer.bodies import METHODS, OPTIMIZER, body
from veriformer.impls.protocol import BACKENDS, Misuse, one_of
from veriformer.properties.declaration import near, spec_call
from veriformer.spec import COMPONENTS, Component, Convention, forms_of, in_form

ARRAYS = {"numpy": "np.ndarray", "torch": "torch.Tensor", "jax": "jax.Array"}
"""Backend -> whose arrays go in and out, as their users write it."""

FRAMEWORK = {"numpy": "import numpy as np", "torch": "import torch", "jax": "import jax.numpy as jnp"}
"""Backend -> what whoever writes for it imports in any case."""

IMPORTS = {
    r"\bmath\.": "import math",
    r"\bjax\.": "import jax",
    r"\bF\.": "import torch.nn.functional as F",
    r"\berf\(": "from scipy.special import erf",
}
"""What a body uses -> what must be imported for it besides."""

STANDARD = ("import math",)
WIDTH = 120


def skeleton(name: str, backend: str, form: str = "") -> str:
    """The text of a plug-in, in the component's own form unless another is named. Raises Misuse for a component, a backend
    or a form that does not exist."""
    if name not in COMPONENTS:
        raise Misuse(f"no component {name!r}{near(name, COMPONENTS)}\ncomponents: {', '.join(COMPONENTS)}")
    one_of("backend", backend, BACKENDS)
    spec = in_form(name, one_of(f"the form of {name}", form or COMPONENTS[name].form, forms_of(name)))
    unwritten = f'raise NotImplementedError("{name} is not written yet")'
    written = unwritten if spec.form == "object" else body(name, backend) or unwritten
    offered = offered_class(spec, written) if spec.form == "object" else offered_function(spec, written)
    lines = [
        f'"""My {name.replace("_", " ")}, {ARRAYS[backend]} in and out. Judge it: veriformer check THIS_FILE.py"""',
        "",
        *imports(written, backend),
        f'impl = Implementation("my-kernels", backend="{backend}")',
        "",
        "",
        *comments(spec),
        *offered,
    ]
    return "\n".join(lines) + "\n"


def imports(code: str, backend: str) -> Iterator[str]:
    """The lines that the code needs, in the order in which a linter wants them."""
    needed = {FRAMEWORK[backend], *(line for used, line in IMPORTS.items() if re.search(used, code))}
    for group in (needed & set(STANDARD), needed - set(STANDARD), {"from veriformer import Implementation"}):
        if group:
            yield from (*sorted(group, key=place), "")


def place(line: str) -> tuple[bool, str]:
    """`import` lines come before `from` lines, each by the name of the module."""
    return line.startswith("from"), line.split()[1]


def comments(spec: Component) -> Iterator[str]:
    """How to declare what is yours, as comments: conventions first, then what narrows the judging."""
    yield f"# `veriformer spec {spec.name}` prints the formula, its source, its conventions and its laws."
    if spec.conventions:
        example = spec.conventions[0]
        value = next(value for value in example.values if value != example.default)
        declared = f"@impl.component({example.name}={quoted(value)})"
        yield f"# Good libraries differ in its conventions. Declare yours, as in {declared}:"
        yield from (f"# {line}" for convention in spec.conventions for line in choices(convention))
    yield "# Judged are float32 and float64 on the CPU; for more, or less, say so:"
    yield '#     Implementation("my-kernels", backend=..., dtypes=("float32", "bfloat16"), devices=("cpu", "cuda"))'
    yield '# A case that you do not support: raise NotImplementedError("why"). A keyword that you leave out is not asked for.'


def choices(convention: Convention) -> Iterator[str]:
    """The allowed values of a convention, and what is taken where none is declared."""
    default = "found out by asking" if convention.silent else quoted(convention.default)
    said = f"{convention.name}: {', '.join(map(quoted, convention.values))} (undeclared: {default})"
    yield from textwrap.wrap(said, 116, initial_indent="    ", subsequent_indent="        ")


def quoted(value: object) -> str:
    """A value as a formatter would write it."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def definition(name: str, spec: Component, *first: str, columns: int = 0) -> str:
    """The line that opens a function; where it is too long the arguments have a line of their own, or a line each."""
    arguments = ", ".join((*first, spec_call(spec).replace("'", '"').strip("()")))
    short = f"def {name}({arguments}):"
    if columns + len(short) <= WIDTH:
        return " " * columns + short
    one_line = columns + 4 + len(arguments) <= WIDTH
    given = [arguments] if one_line else [f"{argument}," for argument in arguments.split(", ")]
    return textwrap.indent("\n".join([f"def {name}(", *(f"    {line}" for line in given), "):"]), " " * columns)


def offered_function(spec: Component, written: str) -> Iterator[str]:
    """A component that is a function."""
    yield from ("@impl.component", definition(spec.name, spec), docstring(spec), indented(written, 4))


def offered_class(spec: Component, written: str) -> Iterator[str]:
    """A component that keeps state: a class, whose objects the suite builds afresh for each case."""
    yield f'@impl.component("{spec.name}", form="object")'
    yield f"class {''.join(part.capitalize() for part in spec.name.split('_'))}:"
    yield from (docstring(spec), "", definition("__init__", spec, "self", columns=4))
    yield from (f"        self.{argument} = {argument}" for argument in (*spec.offered, *spec.options))
    for method in METHODS.get(spec.name, OPTIMIZER):
        yield from ("", f"    def {method}:", indented(written, 8))


def indented(code: str, columns: int) -> str:
    """The lines of a body, where they belong."""
    return textwrap.indent(textwrap.dedent(code).strip(), " " * columns)


def docstring(spec: Component) -> str:
    """What the spec says of the component: formula, shapes, corners. The component's own conventions are comments."""
    said = (inspect.getdoc(spec.function) or "").replace("\\", "\\\\").replace('"""', "'''")
    return textwrap.indent(f'"""{said}\n"""', "    ", lambda line: bool(line.strip()))
