"""Domain: what the hyper-parameters of a training step may be. Refused before anything is computed, in the caller's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any


def require(condition: bool, message: str) -> None:
    """ValueError with the message where the condition does not hold."""
    if not condition:
        raise ValueError(message)


def not_negative(**named: Any) -> None:
    """Each is a finite number from 0."""
    for name, value in plain(named):
        require(0 <= value < float("inf"), f"{name} = {value}: wanted a finite number, 0 or above")


def positive(**named: Any) -> None:
    """Each is a number above 0; it may be infinite, where that means "no limit"."""
    for name, value in plain(named):
        require(value > 0, f"{name} = {value}: wanted a number above 0")


def shares(**named: Any) -> None:
    """Each lies in [0, 1]."""
    for name, value in plain(named):
        require(0 <= value <= 1, f"{name} = {value}: wanted a number from 0 to 1")


def decay_rates(**named: Any) -> None:
    """Each lies in [0, 1): at 1 a moving average never moves, and its bias correction divides by 0."""
    for name, value in plain(named):
        require(0 <= value < 1, f"{name} = {value}: wanted a number from 0 to below 1")


def at_least(lowest: int, **named: Any) -> None:
    """Each is a whole number from `lowest`."""
    for name, value in plain(named):
        require(value >= lowest and value == int(value), f"{name} = {value}: wanted a whole number, {lowest} or above")


def seed(value: Any) -> None:
    """A whole number that says which random numbers are drawn."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    require(whole and value >= 0, f"seed = {value!r}: wanted a whole number, 0 or above")


def plain(named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Those that are numbers; what a framework traces has no value yet, and cannot be looked at."""
    return [(name, value) for name, value in named.items() if isinstance(value, Real)]


def alike(first: str, arrays: Mapping[str, Any], **others: Mapping[str, Any]) -> None:
    """The others have the names of the first, and arrays of its shapes."""
    for what, found in others.items():
        require(found.keys() == arrays.keys(), f"{what} holds {names(found)}; wanted, as in {first}: {names(arrays)}")
        for name, array in arrays.items():
            came, wanted = tuple(found[name].shape), tuple(array.shape)
            require(came == wanted, f"{what}[{name!r}] has the shape {came}; wanted, as in {first}: {wanted}")


def names(arrays: Mapping[str, Any]) -> str:
    """The names of arrays, for a message."""
    return ", ".join(map(repr, arrays)) or "nothing"


def micro_batches(gradient_sums: Sequence[Mapping[str, Any]], counts: Sequence[Any]) -> None:
    """As many counts as micro-batches, of the same names and shapes, and something counted."""
    require(len(gradient_sums) > 0, "gradient_sums is empty: there is no micro-batch to add up")
    require(
        len(gradient_sums) == len(counts),
        f"{len(gradient_sums)} micro-batches in gradient_sums, {len(counts)} in counts: wanted as many",
    )
    named = {f"counts[{i}]": count for i, count in enumerate(counts)}
    at_least(0, **named)
    known = [count for _, count in plain(named)]
    require(len(known) < len(counts) or sum(known) > 0, f"counts = {list(counts)}: nothing was counted")
    first, *others = gradient_sums
    for i, other in enumerate(others, 1):
        alike("gradient_sums[0]", first, **{f"gradient_sums[{i}]": other})


def dropout(x: Any, keep: Any, rate: Any) -> None:
    """A boolean mask of the shape of what is dropped, and a rate that is a share."""
    shares(rate=rate)
    require(str(keep.dtype).endswith("bool"), f"keep has the dtype {keep.dtype}; wanted: booleans, True = kept")
    came, wanted = tuple(keep.shape), tuple(x.shape)
    require(came == wanted, f"keep has the shape {came}; wanted that of what is dropped: {wanted}")


def masks(keep: Mapping[str, Any] | None, *names: str) -> list[Any]:
    """The masks of these names, of dropout; None where there is none. Another name is a mistake."""
    surplus = sorted(set(keep or {}) - set(names))
    require(not surplus, f"keep holds {', '.join(map(repr, surplus))}; known here: {', '.join(map(repr, names))}")
    return [(keep or {}).get(name) for name in names]


def masks_of_layers(keep: Mapping[str, Any] | None, number: int) -> list[Any]:
    """The masks of each layer; None where nothing is dropped."""
    (layers,) = masks(keep, "layers")
    require(
        layers is None or len(layers) == number,
        f"keep['layers'] holds {len(layers or ())}: wanted one for each of {number}",
    )
    return [None] * number if layers is None else list(layers)


def adam(
    params: Mapping[str, Any],
    grads: Mapping[str, Any],
    state: Mapping[str, Any],
    *,
    lr: Any,
    beta_1: Any,
    beta_2: Any,
    eps: Any,
    weight_decay: Any,
) -> None:
    """What adam and adamw may be given."""
    not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
    decay_rates(beta_1=beta_1, beta_2=beta_2)
    missing = [key for key in ("step", "m", "v") if key not in state]
    require(not missing, f"state lacks {', '.join(map(repr, missing))}; at first it is step 0, and m and v of zeros")
    at_least(0, **{"state['step']": state["step"]})
    alike("params", params, grads=grads, **{"state['m']": state["m"], "state['v']": state["v"]})


def batch(params: Mapping[str, Any], given: Mapping[str, Any], d_model: int) -> None:
    """What one step of training may be given, as far as shapes show it."""
    missing = [name for name in ("source", "target_in", "target_out") if name not in given]
    require(not missing, f"batch lacks {', '.join(map(repr, missing))}")
    came, wanted = tuple(given["target_out"].shape), tuple(given["target_in"].shape)
    require(came == wanted, f"target_out has the shape {came}; wanted that of target_in: {wanted}")
    width = params["embedding"].shape[-1]
    require(width == d_model, f"d_model = {d_model}: wanted the width of the embedding, {width}")
    if "float16" in str(params["embedding"].dtype):  # bfloat16 too
        raise NotImplementedError("weights in half precision: train a float32 copy of them (Micikevicius et al. 2018)")


def counted(any_counts: Any) -> None:
    """Is there a token to learn from?"""
    require(bool(any_counts), "the batch is empty: every token of target_out is ignored")


REDUCTIONS = ("mean", "sum", "none")


def cross_entropy(
    logits: Any, targets: Any, *, probable: bool, label_smoothing: Any, ignore_index: Any, weight: Any, reduction: str
) -> None:
    """What can be said of a cross-entropy without looking at its numbers. probable: the targets are probabilities."""
    shares(label_smoothing=label_smoothing)
    require(reduction in REDUCTIONS, f"reduction = {reduction!r}: wanted one of {', '.join(map(repr, REDUCTIONS))}")
    wanted = tuple(logits.shape) if probable else tuple(logits.shape[:-1])
    what = "probabilities" if probable else "integers"
    came = tuple(targets.shape)
    require(
        came == wanted, f"targets, {what}, have the shape {came}; wanted, for logits {tuple(logits.shape)}: {wanted}"
    )
    require(not probable or ignore_index is None, "ignore_index is for integer targets; these are probabilities")
    classes = logits.shape[-1]
    require(
        weight is None or tuple(weight.shape) == (classes,),
        f"weight must hold one number for each of {classes} classes",
    )


def classes(outside: Any, number: int, ignore_index: Any) -> None:
    """outside: where a target that counts is no class."""
    but = "" if ignore_index is None else f", or ignore_index = {ignore_index}"
    require(not bool(outside.any()), f"targets hold a number that is no class: wanted 0 to {number - 1}{but}")
