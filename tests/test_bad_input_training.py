"""Bad input to what trains: refused in words, or answered as the docstrings say, by spec and frameworks alike."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from veriformer.impls.protocol import Tree
from veriformer.impls.tree import leaves, rebuild
from veriformer.spec import COMPONENTS, OBJECTS

HOMES = ("spec", "numpy", "torch", "jax")
NAN = float("nan")
P = {"w": np.ones((2, 3), "float32"), "b": np.ones(3, "float32")}
STATE = {"step": 0, "m": {n: np.zeros_like(p) for n, p in P.items()}, "v": {n: np.zeros_like(p) for n, p in P.items()}}
OTHER_NAMES = {"w": P["w"], "c": P["b"]}
OTHER_SHAPES = {"w": P["w"].T.copy(), "b": P["b"]}
LOGITS, TARGETS = np.zeros((2, 3), "float32"), np.array([0, 2])
UPDATES = ("adam", "adamw")

REFUSED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "a negative rate of descent": ("gradient_descent", (P, P), {"lr": -1.0}),
    "a rate of descent that is NaN": ("gradient_descent", (P, P), {"lr": NAN}),
    "gradients of other names": ("gradient_descent", (P, OTHER_NAMES), {"lr": 1.0}),
    "gradients of other shapes": ("gradient_descent", (P, OTHER_SHAPES), {"lr": 1.0}),
    "a negative decay": ("weight_decay", (P,), {"lr": 1.0, "rate": -0.1}),
    "a decay that is NaN": ("weight_decay", (P,), {"lr": 1.0, "rate": NAN}),
    "a limit of 0": ("clip_by_global_norm", (P, 0.0), {}),
    "a limit below 0": ("clip_by_global_norm", (P, -1.0), {}),
    "a limit that is NaN": ("clip_by_global_norm", (P, NAN), {}),
    "no micro-batch": ("gradient_accumulation", ([], []), {}),
    "a count too many": ("gradient_accumulation", ([P], [1, 2]), {}),
    "nothing counted": ("gradient_accumulation", ([P, P], [0, 0]), {}),
    "a negative count": ("gradient_accumulation", ([P, P], [3, -1]), {}),
    "micro-batches of other names": ("gradient_accumulation", ([P, OTHER_NAMES], [1, 1]), {}),
    "no warm-up": ("warmup_schedule", (1,), {"d_model": 4, "warmup": 0}),
    "no width": ("warmup_schedule", (1,), {"d_model": 0, "warmup": 4}),
    "the step before the first": ("warmup_schedule", (0,), {"d_model": 4, "warmup": 4}),
    "a class too high": ("cross_entropy", (LOGITS, np.array([0, 3])), {}),
    "a class below 0": ("cross_entropy", (LOGITS, np.array([0, -1])), {}),
    "a class too high beside an ignored one": ("cross_entropy", (LOGITS, np.array([-100, 3])), {"ignore_index": -100}),
    "too few targets": ("cross_entropy", (LOGITS, np.array([0])), {}),
    "probabilities of too few classes": ("cross_entropy", (LOGITS, LOGITS[:, :2].copy()), {}),
    "probabilities of which some are ignored": ("cross_entropy", (LOGITS, LOGITS), {"ignore_index": 1}),
    "a smoothing above 1": ("cross_entropy", (LOGITS, TARGETS), {"label_smoothing": 1.5}),
    "a smoothing below 0": ("cross_entropy", (LOGITS, TARGETS), {"label_smoothing": -0.1}),
    "a smoothing that is NaN": ("cross_entropy", (LOGITS, TARGETS), {"label_smoothing": NAN}),
    "a reduction that does not exist": ("cross_entropy", (LOGITS, TARGETS), {"reduction": "median"}),
    "too few weights": ("cross_entropy", (LOGITS, TARGETS), {"weight": np.ones(2, "float32")}),
}
"""What may be wrong -> component, arguments, keywords. The spec and our implementations raise ValueError."""

OF_UPDATES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "a negative rate": ((P, P, STATE), {"lr": -1e-3}),
    "a rate that is NaN": ((P, P, STATE), {"lr": NAN}),
    "beta_1 of 1": ((P, P, STATE), {"lr": 1.0, "beta_1": 1.0}),
    "beta_1 below 0": ((P, P, STATE), {"lr": 1.0, "beta_1": -0.1}),
    "beta_2 of 1": ((P, P, STATE), {"lr": 1.0, "beta_2": 1.0}),
    "beta_2 that is NaN": ((P, P, STATE), {"lr": 1.0, "beta_2": NAN}),
    "a negative eps": ((P, P, STATE), {"lr": 1.0, "eps": -1e-9}),
    "an eps that is NaN": ((P, P, STATE), {"lr": 1.0, "eps": NAN}),
    "a decay below 0": ((P, P, STATE), {"lr": 1.0, "weight_decay": -0.1}),
    "gradients with other names": ((P, OTHER_NAMES, STATE), {"lr": 1.0}),
    "gradients with other shapes": ((P, OTHER_SHAPES, STATE), {"lr": 1.0}),
    "moments with other names": ((P, P, {**STATE, "m": OTHER_NAMES}), {"lr": 1.0}),
    "a step before the first": ((P, P, {**STATE, "step": -1}), {"lr": 1.0}),
}
"""The same of adam and adamw."""
REFUSED |= {f"{name}: {what}": (name, *given) for name in UPDATES for what, given in OF_UPDATES.items()}

NAMED = ("lr", "beta_1", "beta_2", "eps", "weight_decay", "rate", "max_norm", "label_smoothing", "warmup", "d_model")
"""Numbers of which a refusal must say the name and the value that came."""


def asked(home: str, component: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Tree:
    """The answer of the spec, or of a framework, as NumPy arrays."""
    with np.errstate(all="ignore"):
        if home == "spec":
            return COMPONENTS[component](*arguments, **options)
        pytest.importorskip(home)
        backend = importlib.import_module(f"veriformer.impls.{home}")
        given = moved((arguments, options), functools.partial(backend.move_in, device="cpu"))
        answer = backend.impl.functions[component](*given[0], **given[1])
    return rebuild(answer, lambda _, leaf: backend.move_out(leaf) if backend.is_native(leaf) else leaf)


def moved(tree: Tree, move: Callable[[np.ndarray], Any]) -> Tree:
    """The tree with its arrays moved into a framework."""
    return rebuild(tree, lambda _, leaf: move(leaf) if isinstance(leaf, np.ndarray) else leaf)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_in_words(what: str, home: str) -> None:
    component, arguments, options = REFUSED[what]
    with pytest.raises(ValueError) as refused:
        asked(home, component, arguments, options)
    said = str(refused.value)
    assert len(said.split()) >= 5, said
    culprits = [n for n in NAMED if isinstance(options.get(n), float | int) and strange(n, options[n])]
    assert all(str(options[name]) in said and name in said for name in culprits), said


def strange(name: str, value: float) -> bool:
    """Is it the number that makes no sense?"""
    highest = {"beta_1": 0.999, "beta_2": 0.999, "label_smoothing": 1.0}.get(name, np.inf)
    return not (1 if name in ("warmup", "d_model") else 0) <= value <= highest


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("component", OBJECTS)
def test_an_object_refuses_what_its_update_refuses(component: str, home: str) -> None:
    """At the latest in its first step."""
    if home == "spec":
        with pytest.raises(ValueError, match="lr -1"):
            OBJECTS[component](P, [("step", 0, P)], lr=-1.0)
        return
    pytest.importorskip(home)
    backend = importlib.import_module(f"veriformer.impls.{home}")
    params = moved(P, functools.partial(backend.move_in, device="cpu"))
    with pytest.raises(ValueError, match="lr = -1"):
        backend.optimizers.functions[component](params, lr=-1.0).step(params)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("component", ["adam", "adamw", "gradient_descent"])
def test_a_nan_in_a_gradient_stays_where_it_is(component: str, home: str) -> None:
    """It makes its own number NaN, in parameters and moments, and no other one."""
    strange = {"w": np.full((2, 3), 0.5, "float32"), "b": np.full(3, 0.5, "float32")}
    strange["w"][1, 2] = NAN
    arguments = (P, strange) if component == "gradient_descent" else (P, strange, STATE)
    answer = asked(home, component, arguments, {"lr": 0.1})
    for path, leaf in leaves(answer):
        if path[-1] in P:
            assert np.array_equal(np.isnan(leaf), np.isnan(strange[str(path[-1])])), path


@pytest.mark.parametrize("home", HOMES)
def test_a_nan_in_a_gradient_makes_all_clipped_ones_nan(home: str) -> None:
    """The norm is NaN: no gradient passes for clipped."""
    answer = asked(home, "clip_by_global_norm", ({"w": np.array([1.0, NAN], "float32"), "b": P["b"]}, 1.0), {})
    assert all(np.isnan(leaf).all() for _, leaf in leaves(answer))


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("reduction", ["sum", "none", "mean"])
def test_an_empty_batch_has_no_loss(reduction: str, home: str) -> None:
    """Nothing sums to 0; the mean over nothing is that of all targets ignored, by convention."""
    empty = (np.zeros((0, 3), "float32"), np.zeros(0, "int64"))
    answer = np.asarray(asked(home, "cross_entropy", empty, {"reduction": reduction}))
    assert answer.shape == ((0,) if reduction == "none" else ())
    wanted = NAN if (home, reduction) == ("spec", "mean") else 0.0
    assert np.array_equal(answer, np.full(answer.shape, wanted), equal_nan=True)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("component", ["adam", "adamw", "gradient_descent", "weight_decay", "clip_by_global_norm"])
def test_no_parameters_are_no_parameters(component: str, home: str) -> None:
    given: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "gradient_descent": (({}, {}), {"lr": 1.0}),
        "weight_decay": (({},), {"lr": 1.0, "rate": 0.1}),
        "clip_by_global_norm": (({}, 1.0), {}),
    }
    arguments, options = given.get(component, (({}, {}, {"step": 0, "m": {}, "v": {}}), {"lr": 1.0}))
    answer = asked(home, component, arguments, options)
    assert [leaf for path, leaf in leaves(answer) if path[-1] != "step"] == []
