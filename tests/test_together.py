"""The truths that are found together are those that are found alone, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from veriformer.impls import numpy
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS
from veriformer.properties.experiment import Experiment, also_layer, promised
from veriformer.properties.judge import fits
from veriformer.properties.law import Case, Law, NotJudged
from veriformer.properties.probes import KINDS, Draw
from veriformer.properties.settle import settle
from veriformer.properties.together import can_be_stacked, foresee
from veriformer.properties.truth import BITS, Truths
from veriformer.spec import COMPONENTS, SLIPS

STACKED = (
    "softmax",
    "log_softmax",
    "attention",
    "relu",
    "gelu",
    "silu",
    "residual",
    "rotary_positions",
    "apply_dropout",
)
LAW_NAMES = ("agrees_with_the_spec", "gradients_agree_with_the_spec")
KINDS_EACH = 4


def experiment_for(component: str, dtype: str, truths: Truths) -> Experiment:
    """Our NumPy code, asked with its conventions settled."""
    door = open_door(numpy.impl, dtype, "cpu")
    settled = settle(door, component, INQUIRIES, fits, Truths())
    return Experiment(
        door, COMPONENTS[component], settled.values, promised(door, component), truths, also_layer(door, component)
    )


def cases(law: Law, dtype: str) -> list[Case]:
    """Each near size of a law with a few kinds of values, others in the next size."""
    found, kinds = [], list(law.kinds or KINDS)
    for r, row in enumerate(row for row in law.rows if "reach" not in row and not row.get("kernel")):
        for k in range(KINDS_EACH):
            kind = kinds[(3 * r + 5 * k) % len(kinds)]
            draw = Draw(row, kind, 100 * r + k, dtype, law.top(dtype), menu=law.rows, gradients=law.gradients)
            try:
                found.append(law.draw(draw))
            except NotJudged:
                continue
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", LAW_NAMES)
@pytest.mark.parametrize("component", STACKED)
def test_each_truth_is_the_one_found_alone(component: str, name: str, dtype: str) -> None:
    law = next(law for law in LAWS[component] if law.name == name)
    truths = Truths(capacity=10_000)
    experiment = experiment_for(component, dtype, truths)
    drawn = cases(law, dtype)
    foresee(law, drawn, experiment)
    assert len(truths.known) > len(drawn) / 3
    kind = b"gradients" if law.gradients else b"outputs"
    for case in drawn:
        question = experiment.question(case, case.extra["cotangent"] if law.gradients else None)
        together = truths.known.get(question.key + kind)
        if together is None:
            continue
        alone = question.gradients() if law.gradients else question.outputs()
        assert [path for path, _ in together] == [path for path, _ in alone]
        for (_, one), (_, other) in zip(together, alone, strict=True):
            for part in ("value", "bound", "layer", "scale"):
                assert np.array_equal(getattr(one, part), getattr(other, part), equal_nan=part != "layer"), part
            floats = one.in_floats()
            if floats is not None:
                known = np.isfinite(floats.radii())
                assert (other.formula(256).distances(np.where(known, floats.centres(), 0.0)) <= floats.radii())[
                    known
                ].all()
            for bits in BITS[:2]:  # at the first together, from the second on alone
                ball, own = one.formula(bits), other.formula(bits)
                assert ball.shape == own.shape
                assert np.array_equal(ball.centres(), own.centres(), equal_nan=True)
                assert np.array_equal(ball.radii(), own.radii(), equal_nan=True)


def test_what_is_shared_within_a_case_is_not_shared_between_cases() -> None:
    """A mask of the keys alone, of its own in each case, before arrays with a batch."""
    law = next(law for law in LAWS["attention"] if law.name == "agrees_with_the_spec")
    truths = Truths()
    experiment = experiment_for("attention", "float32", truths)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, n, 4)).astype(np.float32) for n in (2, 3, 3))
    masks = (np.array([[True, False, False]]), np.array([[False, True, False]]))
    given = [Case((q, k, v), {"mask": mask}) for mask in masks]
    foresee(law, given, experiment)
    assert len(truths.known) == 2
    for case, key in zip(given, (0, 1), strict=True):
        ((_, truth),) = truths.known[experiment.question(case).key + b"outputs"]
        assert np.abs(truth.value - v[:, key : key + 1]).max() <= truth.bound.max()


def test_no_truth_is_foreseen_of_weights_that_have_no_batch() -> None:
    law = next(law for law in LAWS["layer_norm"] if law.name == "agrees_with_the_spec")
    truths = Truths()
    experiment = experiment_for("layer_norm", "float32", truths)
    drawn = cases(law, "float32")
    assert not any(can_be_stacked(experiment.question(case), law.subject.batched) for case in drawn if law.subject)
    foresee(law, drawn, experiment)
    assert not truths.known


def test_only_laws_of_agreement_foresee() -> None:
    law = next(law for law in LAWS["softmax"] if law.name == "rows_sum_to_one")
    truths = Truths()
    foresee(law, cases(replace(law, rows=law.rows[:3]), "float32"), experiment_for("softmax", "float32", truths))
    assert not truths.known


def test_what_was_foreseen_is_asked_again_under_other_conventions() -> None:
    law = next(law for law in LAWS["attention"] if law.name == "agrees_with_the_spec")
    experiment = experiment_for("attention", "float32", Truths())
    (case, *_) = drawn = cases(law, "float32")
    foresee(law, drawn, experiment)
    assert experiment.question(case) is experiment.question(case)
    slip = SLIPS[0]
    other = replace(experiment, slip=slip).question(case)
    assert other.slip is slip
    assert other.key != experiment.question(case).key
