"""Laws of the dropout of attention's weights, where the mask is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from veriformer.properties.attention import FREE, draw, law
from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, relation
from veriformer.properties.probes import Draw
from veriformer.properties.softmax import within_two

DROPPED = tuple(r for r in FREE if r["length_k"] > 1)


def draw_dropout(recipe: Draw) -> Case:
    """A case with a mask for its weights in which no query keeps the last key, and another value for that key."""
    rate = float(recipe.rng("rate").choice([0.5, 0.1, 0.25]))
    case = draw(replace(recipe, row={**recipe.row, "rate": rate}))
    v = case.arguments[2]
    case.options["keep"][..., -1] = False
    last = np.arange(v.shape[-2])[:, None] == v.shape[-2] - 1
    return case.but(extra={"v": np.where(last, recipe.array("other v", v.shape, "normal"), v)})


@law(
    "Dropout that keeps everything, at rate 0, changes nothing.",
    rows=DROPPED,
    draw=draw_dropout,
    needs=("keep", "rate"),
)
def keeping_everything_changes_nothing(case: Case, experiment: Experiment) -> Evidence:
    """f(keep = everything, rate = 0) = f without keep."""
    undropped = {name: value for name, value in case.options.items() if name not in ("keep", "rate")}
    everything = {**undropped, "keep": np.ones_like(case.options["keep"]), "rate": 0.0}
    one, other = experiment.ask(case.but(options=everything)), experiment.ask(case.but(options=undropped))
    return within_two(one, other, "answer without dropout")


@law("The value of a weight that is dropped does not matter.", rows=DROPPED, draw=draw_dropout, needs=("keep", "rate"))
def the_value_of_a_dropped_weight_does_not_matter(case: Case, experiment: Experiment) -> Evidence:
    """f is the same with another (finite) value for a key that no query keeps."""
    other = experiment.ask(case.replacing(2, case.extra["v"]))
    return within_two(other, experiment.ask(case), "answer for the value of before")


@law("Two masks that share the weights share the answer.", rows=DROPPED, draw=draw_dropout, needs=("keep", "rate"))
def is_linear_in_what_is_kept(case: Case, experiment: Experiment) -> Evidence:
    """f(keep) + f(not keep) = f(everything), at one rate."""
    keep = case.options["keep"]
    one, other, whole = (
        experiment.ask(case.but(options={**case.options, "keep": k})) for k in (keep, ~keep, np.ones_like(keep))
    )
    allowed = one.bound + other.bound + whole.bound + 2.0**-52 * (np.abs(one.value) + np.abs(other.value))
    return relation("answer with everything kept", one.value + other.value, whole.value, allowed, whole.scale)


@law(
    "Each head drops by its own mask.",
    rows=tuple(r for r in DROPPED if r["batch"] and r["batch"][-1] > 1),
    draw=draw_dropout,
    needs=("keep", "rate"),
)
def each_head_drops_by_its_own_mask(case: Case, experiment: Experiment) -> Evidence:
    """f(q, k, v; keep) of the last head = f(q_h, k_h, v_h; keep_h), with its own rows of mask and bias."""
    q, k, v = (argument[..., -1:, :, :] for argument in case.arguments)
    own = {
        name: a[..., -1:, :, :] if isinstance(a, np.ndarray) and a.ndim > 2 else a for name, a in case.options.items()
    }
    alone, together = experiment.ask(case.but(arguments=(q, k, v), options=own)), experiment.ask(case)
    allowed = alone.bound + together.bound[..., -1:, :, :]
    scale = np.maximum(alone.scale, together.scale[..., -1:, :, :])
    return relation("answer of the last head alone", together.value[..., -1:, :, :], alone.value, allowed, scale)
