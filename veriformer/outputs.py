"""Outputs: judge one output in a test that already exists, in place of `assert_close`, or ask what error is allowed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from veriformer.impls.protocol import DTYPES, PRECISIONS, Misuse, Tree, one_of
from veriformer.impls.tree import rebuild
from veriformer.properties.declaration import near, spec_call, wrong_convention
from veriformer.properties.formula import Question, is_floating
from veriformer.properties.judge import weigh
from veriformer.properties.law import Evidence
from veriformer.record import Record, Verdict
from veriformer.spec import COMPONENTS, Component
from veriformer.spec.numbers.precision import precision_of

UNJUDGED = (
    "an honest computation in {} may land anywhere on this input, so nothing can be judged; give a smaller input, "
    'or precision="layer" if it computes in float32 inside'
)

OBJECT = (
    "object: what it answers depends on all that it was asked before, which one output does not show; offer the class with "
    '@impl.component(..., form="object") and judge it with veriformer check'
)


def check_output(component: str, output: Any, *arguments: Any, precision: str = "eager", **options: Any) -> None:
    """Raise AssertionError unless the output is what an honest implementation may answer.

    component: "attention", "layer_norm", ... output: what your code answered: a NumPy, PyTorch or JAX array; its dtype
    is the dtype judged. arguments, options: what your code was given, in the component's own order and names;
    conventions too (`variance="unbiased"`). A silent convention that is not given (what a fully masked row answers) may
    be any of its allowed values. precision: "eager" or "layer".
    Raises Misuse for a component, option or value that does not exist, for a component that is an object, and when no
    number of the output can be judged: a check that nothing could fail is none.
    """
    got = as_numpy(output)
    spec = known(component)
    options |= spec.told_by(tuple(map(as_numpy_tree, arguments)), got)
    spent: list[tuple[float, Evidence, dict[str, Any]]] = []
    for conventions in possible(spec, options):
        (_, truth), *_ = question(spec, str(got.dtype), precision, arguments, options, conventions).outputs()
        weighed = weigh(truth.evidence("output", got), str(got.dtype))
        if not weighed.judged:
            raise Misuse(f"{component}: {UNJUDGED.format(got.dtype)}")
        if not weighed.refuted:
            return
        spent.append((weighed.ratio, weighed.evidence, conventions))
    _, evidence, conventions = min(spent, key=lambda one: one[0])
    one_truth = all(np.array_equal(other.wanted, evidence.wanted, equal_nan=True) for _, other, _ in spent)
    raise AssertionError(told(spec, got, arguments, options, evidence, {} if one_truth else conventions))


def allowed_error(
    component: str, *arguments: Any, dtype: str | None = None, precision: str = "eager", **options: Any
) -> np.ndarray:
    """How far an honest output may be from the exact one: an array of the output's shape, inf where nothing is known.

    dtype: of the computation; that of the first floating argument if it is not given. The rest as for `check_output`.
    """
    spec = known(component)
    floats = [leaf for leaf in map(as_numpy_tree, arguments) if isinstance(leaf, np.ndarray) and is_floating(leaf)]
    chosen = dtype or (str(floats[0].dtype) if floats else "float32")
    conventions = next(possible(spec, options))
    (_, truth), *_ = question(spec, chosen, precision, arguments, options, conventions).outputs()
    return truth.bound


def known(component: str) -> Component:
    """The component of this name."""
    if component not in COMPONENTS:
        raise Misuse(f"no component {component!r}{near(component, COMPONENTS)}\ncomponents: {', '.join(COMPONENTS)}")
    if COMPONENTS[component].form == "object":
        raise Misuse(f"{component} is an {OBJECT}")
    return COMPONENTS[component]


def possible(spec: Component, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every combination of the silent conventions that are not given."""
    open_ones = [c for c in spec.conventions if c.silent and c.name not in options]
    for values in itertools.product(*(c.values for c in open_ones)):
        yield dict(zip((c.name for c in open_ones), values, strict=True))


def question(
    spec: Component,
    dtype: str,
    precision: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    conventions: dict[str, Any],
) -> Question:
    """What the spec is asked."""
    if dtype not in DTYPES:
        raise Misuse(f"the output has dtype {dtype}; judged are {', '.join(DTYPES)}")
    for name in options.keys() - spec.signature.parameters.keys():
        listed = ", ".join([*spec.options, *(c.name for c in spec.conventions)])
        raise Misuse(f"{spec.name} has no option {name!r}{near(name, spec.signature.parameters)}\noptions: {listed}")
    for name, value in options.items():
        for said in wrong_convention(spec, name, value) if spec.convention(name) else ():
            raise Misuse(said)
    one_of("precision", precision, PRECISIONS)
    try:
        spec.signature.bind(*arguments, **options)
    except TypeError as error:
        raise Misuse(f"{error}; wanted: {spec.name}{spec_call(spec)}") from None
    plain = {name: as_numpy_tree(value) for name, value in options.items()}
    aliases = tuple(
        (i, j)
        for j in range(len(arguments))
        for i in range(j)
        if arguments[i] is arguments[j] and not is_scalar(arguments[i])
    )
    return Question(
        spec, tuple(map(as_numpy_tree, arguments)), plain, conventions, precision_of(dtype, precision), aliases
    )


def is_scalar(value: Any) -> bool:
    """Numbers and strings are never aliases of each other."""
    return isinstance(value, int | float | str | None)


def as_numpy_tree(value: Tree) -> Tree:
    """A nesting of anybody's arrays as one of NumPy's."""
    return rebuild(value, lambda _, leaf: as_numpy(leaf) if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else leaf)


def as_numpy(array: Any) -> np.ndarray:
    """Anybody's array as NumPy's: PyTorch's are detached and brought to the CPU first."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        if str(array.dtype) == "torch.bfloat16":
            import ml_dtypes

            return np.asarray(array.float().numpy()).astype(ml_dtypes.bfloat16)
        return np.asarray(array.numpy())
    return np.asarray(array)


def told(
    spec: Component,
    got: np.ndarray,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    evidence: Evidence,
    conventions: dict[str, Any],
) -> str:
    """The message of a broken law."""
    from veriformer.reports.terminal import failure

    weighed = weigh(evidence, str(got.dtype))
    record = Record(
        kind="verdict",
        implementation="this output",
        component=spec.name,
        law="agrees_with_the_spec",
        sentence="The output is the formula's, within the derived bound.",
        dtype=str(got.dtype),
        device="cpu",
        conventions={name: f"{value} (undeclared)" for name, value in conventions.items()},
        verdict=Verdict.BROKEN,
        judged=1,
        worst_ratio=weighed.ratio,
        worst_ulps=weighed.ulps,
        counterexample={
            "arguments": dict(zip(spec.positional, map(as_numpy_tree, arguments), strict=False)),
            "options": {name: as_numpy_tree(value) for name, value in options.items()},
            "comparison": evidence.comparison,
            "got": evidence.got,
            "wanted": evidence.wanted,
            "allowed": evidence.allowed,
            "index": list(weighed.index),
            "ratio": weighed.ratio,
            "ulps": weighed.ulps,
        },
    )
    return "\n" + failure(record).plain.replace("smallest input found", "input", 1)
