"""adam: every parameter moved against the mean of its gradients, measured in the root of their mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from veriformer.spec.bounds import adam as bound
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.gradient_descent import same_names
from veriformer.spec.numbers import bounded_by, kept_in, number
from veriformer.spec.numbers.precision import BFLOAT16, FLOAT16, Format
from veriformer.spec.slip import Part

EPS_PLACE = Convention(
    "eps_place",
    ("after_correction", "before_correction"),
    "Kingma & Ba 2015, algorithm 1: added to the root of the corrected second moment. Their more efficient order, just "
    'before section 2.1, adds an "eps hat" to the root of the uncorrected one.',
    {
        "after_correction": "torch.optim.Adam, optax.adam",
        "before_correction": "tf.keras.optimizers.Adam, tf.compat.v1.train.AdamOptimizer",
    },
    default="after_correction",
)
BIAS_CORRECTION = Convention(
    "bias_correction",
    ("on", "off"),
    "Kingma & Ba 2015, section 3: the moments start at 0, and are divided by 1 - beta^t.",
    {"on": "torch.optim.Adam, optax.adam", "off": "BERT's AdamWeightDecayOptimizer"},
    default="on",
)
DECAY = Convention(
    "decay",
    ("coupled", "decoupled"),
    "Our signature: weight_decay p is added to the gradient, as the derivative of an L2 penalty.",
    {"coupled": "torch.optim.Adam", "decoupled": "tf.keras.optimizers.Adam(weight_decay=...)"},
    default="coupled",
)
LARGEST_OF = Convention(
    "largest_of",
    ("raw", "corrected"),
    "Reddi, Kale & Kumar 2018, algorithm 2: the largest of the second moments, which are not corrected there.",
    {"raw": "torch.optim.Adam(amsgrad=True), TensorFlow", "corrected": "optax.amsgrad"},
    default="raw",
)
HONEST = (
    Honest("moments as weighted sums, or as interpolations", "torch.optim.Adam (lerp_, addcmul_)"),
    Honest("the corrections in the moments, in the rate, or in both", "Kingma & Ba 2015, before section 2.1; PyTorch"),
    Honest("1 - beta^t in the format of the parameters, at least in float32", "hyper-parameters kept as arrays"),
    Honest("products and quotients in any order, fused or not", "fused optimizers"),
)
Named = dict[str, Any]
State = dict[str, Any]


@Part
@bounded_by(bound.average)
def average(old: Any, new: Any, beta: Any) -> Any:
    """beta old + (1 - beta) new."""
    return beta * old + (number(1, like=old) - beta) * new


@Part
@bounded_by(bound.mean_square)
def mean_square(old: Any, g: Any, beta: Any) -> Any:
    """beta old + (1 - beta) g^2."""
    return beta * old + (number(1, like=old) - beta) * (g * g)


@Part
@bounded_by(bound.correction)
def correction(beta: Any, step: int) -> Any:
    """1 - beta^step."""
    return number(1, like=beta) - beta**step


@Part
def counted(step: int) -> int:
    """One update more."""
    return step + 1


@Part
def displacement(
    m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, *, eps_place: str = "after_correction"
) -> Any:
    """lr m-hat / (sqrt(v-hat) + eps)."""
    return along(m, v, corrections, lr, eps, eps_place=eps_place)


@bounded_by(bound.displacement)
def along(m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, *, eps_place: str) -> Any:
    """The formula, under either convention."""
    c_1, c_2 = corrections
    if eps_place == "before_correction":
        return lr * np.sqrt(c_2) / c_1 * m / (np.sqrt(v) + eps)
    return lr * (m / c_1) / (np.sqrt(v / c_2) + eps)


def opposite(grads: Named, maximize: bool) -> Named:
    """The gradients of what is minimised."""
    return {name: -g for name, g in grads.items()} if maximize else grads


def next_moments(grads: Named, state: State, beta_1: float, beta_2: float) -> State:
    """The state after one more gradient."""
    m = {name: average(state["m"][name], g, number(beta_1, like=g)) for name, g in grads.items()}
    v = {name: mean_square(state["v"][name], g, number(beta_2, like=g)) for name, g in grads.items()}
    return {"step": counted(int(state["step"])), "m": m, "v": v}


def corrections(betas: tuple[float, float], step: int, bias_correction: str, *, like: Any) -> tuple[Any, Any]:
    """What the two moments are divided by."""
    beta_1, beta_2 = (number(beta, like=like) for beta in betas)
    if bias_correction == "off":
        return number(1, like=like), number(1, like=like)
    return correction(beta_1, step), correction(beta_2, step)


@Part
def largest(before: Any, v: Any) -> Any:
    """The larger of two second moments."""
    return np.maximum(before, v)


def measured_by(
    new: State, state: State, by: tuple[Any, Any], name: str, largest_of: str
) -> tuple[Any, tuple[Any, Any]]:
    """AMSGrad: the largest second moment so far, kept in the new state, and the corrections that are still to be made."""
    v = new["v"][name] if largest_of == "raw" else new["v"][name] / by[1]
    new.setdefault("v_max", {})[name] = largest(state["v_max"][name] if "v_max" in state else number(0, like=v), v)
    return new["v_max"][name], by if largest_of == "raw" else (by[0], number(1, like=v))


def check(
    params: Named, grads: Named, state: State, betas: tuple[float, float], not_negative: Mapping[str, float]
) -> None:
    """The domain that adam and adamw share."""
    same_names(params, grads, state["m"], state["v"])
    require(int(state["step"]) >= 0, f"{state['step']} finished updates: wanted 0 or more")
    require(all(0 <= beta < 1 for beta in betas), f"beta_1, beta_2 = {betas}: wanted numbers from 0 to below 1")
    for name, value in not_negative.items():
        require(value >= 0, f"{name} {value}: wanted a number from 0")


@component(
    source="Kingma & Ba 2015, algorithm 1; beta_2 and eps: Vaswani et al. 2017, section 5.3",
    honest=HONEST,
    conventions=(EPS_PLACE, BIAS_CORRECTION, DECAY, LARGEST_OF),
)
def adam(
    params: Named,
    grads: Named,
    state: State,
    *,
    lr: float,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    eps: float = 1e-9,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
    eps_place: str = "after_correction",
    bias_correction: str = "on",
    decay: str = "coupled",
    largest_of: str = "raw",
) -> tuple[Named, State]:
    """m' = beta_1 m + (1 - beta_1) g, v' = beta_2 v + (1 - beta_2) g^2, with t updates done after this one
    m-hat = m' / (1 - beta_1^t), v-hat = v' / (1 - beta_2^t), p' = p - lr m-hat / (sqrt(v-hat) + eps).

    params, grads: name -> array, of the same names and shapes. state: {"step": finished updates, 0 at first, "m", "v": name
    -> array, 0 at first}. Returns the new params and the new state; nothing given is changed. weight_decay p is added to g.
    amsgrad: in the place of v' stands the largest v' so far, kept in the state as "v_max", 0 where it is not there.
    maximize: -g in the place of g, before the decay is added.
    Corners: the first step from p = 0 is -lr g / (|g| + eps); eps = 0 and g = 0 is 0 / 0.
    Raises ValueError when names or shapes differ, for betas outside [0, 1), and for a negative lr, eps or weight_decay.
    """
    check(params, grads, state, (beta_1, beta_2), {"lr": lr, "eps": eps, "weight_decay": weight_decay})
    grads = opposite(grads, maximize)
    if decay == "coupled" and weight_decay:
        grads = {name: g + number(weight_decay, like=g) * params[name] for name, g in grads.items()}
    new = next_moments(grads, state, beta_1, beta_2)
    moved = {}
    for name, p in params.items():
        by = corrections((beta_1, beta_2), new["step"], bias_correction, like=p)
        v, by = measured_by(new, state, by, name, largest_of) if amsgrad else (new["v"][name], by)
        step = displacement(new["m"][name], v, by, number(lr, like=p), number(eps, like=p), eps_place=eps_place)
        share = number(lr, like=p) * number(weight_decay, like=p)
        moved[name] = both(p, step, share) if decay == "decoupled" and weight_decay else p - step
    return moved, new


@Part
@bounded_by(bound.decayed)
def both(p: Any, step: Any, share: Any) -> Any:
    """The step, and a share of the parameter itself taken off: p - share p - step."""
    return p - share * p - step


@displacement.slip("eps under the root: sqrt(v-hat + eps)")
def eps_under_the_root(m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, **_: Any) -> Any:
    c_1, c_2 = corrections
    return lr * (m / c_1) / np.sqrt(v / c_2 + eps)


@displacement.slip("no root of the second moment")
def no_root(m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, **_: Any) -> Any:
    c_1, c_2 = corrections
    return lr * (m / c_1) / (v / c_2 + eps)


@displacement.slip("the first moment not corrected")
def first_not_corrected(m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, **more: Any) -> Any:
    return displacement(m, v, (number(1, like=m), corrections[1]), lr, eps, **more)


@displacement.slip("the second moment not corrected")
def second_not_corrected(m: Any, v: Any, corrections: tuple[Any, Any], lr: Any, eps: Any, **more: Any) -> Any:
    return displacement(m, v, (corrections[0], number(1, like=m)), lr, eps, **more)


@correction.slip("the bias correction of the next step")
def one_step_late(beta: Any, step: int) -> Any:
    return correction(beta, step + 1)


@mean_square.slip("the second moment kept in bfloat16", algorithm=True)
def second_moment_in_bfloat16(old: Any, g: Any, beta: Any) -> Any:
    return kept_in(BFLOAT16, mean_square(old, g, beta))


@counted.slip("a count of steps in bfloat16, which stays at 256")
def counted_in_bfloat16(step: int) -> int:
    return counted_in(BFLOAT16, step)


@counted.slip("a count of steps in float16, which stays at 2048")
def counted_in_float16(step: int) -> int:
    return counted_in(FLOAT16, step)


def counted_in(format: Format, step: int) -> int:
    """One more, where the count is a number of this format."""
    return int(format.nearest(format.nearest(np.float64(step)) + 1))


@average.slip("the weights of the first moment exchanged: (1 - beta_1) m + beta_1 g")
def weights_exchanged(old: Any, new: Any, beta: Any) -> Any:
    return average(new, old, beta)


@average.slip("the first moment as a running sum, beta_1 m + g")
def running_sum(old: Any, new: Any, beta: Any) -> Any:
    return beta * old + new


@adam.slip("beta_1 and beta_2 exchanged")
def betas_exchanged(params: Named, grads: Named, state: State, **options: Any) -> tuple[Named, State]:
    betas = {"beta_1": options.get("beta_2", 0.98), "beta_2": options.get("beta_1", 0.9)}
    return adam(params, grads, state, **{**options, **betas})


@largest.slip("the second moment of now in the place of the largest so far")
def forgotten(before: Any, v: Any) -> Any:
    return v
