"""Corners: what single components answer to infinities, where their formula, or IEEE 754, says it; see special.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from veriformer.properties import attention, cross_entropy, embedding, residual, softmax
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, NotJudged, differing, relation
from veriformer.properties.probes import Draw
from veriformer.properties.special import (
    ORDINARY,
    drawn_without_a_column,
    filled,
    law_of_a_removed_entry,
    law_of_nan,
    numbers,
    sprinkled,
    with_minus_infinity,
    without_the_column,
)

# -- softmax -------------------------------------------------------------------------------------------------------------------

UNMASKED = tuple(r for r in softmax.ROWS if not r.get("mask") and not r.get("kernel"))
softmax_of_nan = law_of_nan(softmax.SUBJECT, "nan makes all of its row nan.", row=True, rows=UNMASKED)
softmax_of_minus_infinity = law_of_a_removed_entry(softmax.SUBJECT, 0.0, tuple(row for row in UNMASKED if row["n"] > 1))


def draw_infinite_logit(recipe: Draw) -> Case:
    """Logits, one of them infinite."""
    case = softmax.draw(recipe)
    place = tuple(int(recipe.rng("place").integers(length)) for length in recipe["shape"])
    return case.replacing(0, filled(case.arguments[0], place, np.inf)).but(extra={"place": place})


@softmax.law("An infinite logit has no softmax.", rows=UNMASKED, draw=draw_infinite_logit, kinds=ORDINARY)
def an_infinite_logit_has_no_softmax(case: Case, experiment: Experiment) -> Evidence:
    """exp(inf) / sum exp = inf / inf is nan. The others are 0 by the formula, nan where the maximum is subtracted."""
    x, place = case.arguments[0], tuple(case.extra["place"])
    got = numbers(experiment.ask(case), x.shape)
    if got is None:
        return differing("shape of the answer", "another", x.shape)
    row = got[place[:-1]]
    wanted = np.where(np.isnan(row), row, 0.0)
    wanted[place[-1]] = np.nan
    return relation("row of an infinite logit", row, wanted, 0.0)


# -- residual ------------------------------------------------------------------------------------------------------------------


def draw_infinities(recipe: Draw) -> Case:
    """Two arrays with infinities of either sign, some of them in the same places."""
    case = residual.draw(recipe)
    rng = recipe.rng("infinities")
    marked = [sprinkled(array, rng, share=0.5) for array in case.arguments]
    if all(np.isfinite(array.astype(np.float64)).all() for array in marked):
        raise NotJudged("no infinity was drawn")
    return case.with_arguments(marked)


@residual.law("Infinities add up as IEEE 754 says.", draw=draw_infinities, kinds=ORDINARY)
def infinities_add_up(case: Case, experiment: Experiment) -> Evidence:
    """inf + x = inf, inf - inf = nan, and a finite sum beside them is finite."""
    x, y = (array.astype(np.float64) for array in case.arguments)
    got = numbers(experiment.ask(case), x.shape)
    if got is None:
        return differing("shape of the answer", "another", x.shape)
    wanted = x + y
    strange = ~np.isfinite(wanted)
    said = np.where(strange, got, np.where(np.isfinite(got), 0.0, got))
    return relation("sum with an infinity", said, np.where(strange, wanted, 0.0), 0.0)


# -- embedding -----------------------------------------------------------------------------------------------------------------


def draw_spoilt_row(recipe: Draw) -> Case:
    """Tokens, and a row of the table that is no number."""
    case = embedding.draw(recipe)
    row = int(recipe.rng("row").integers(recipe["vocabulary"]))
    filling = str(recipe.rng("filling").choice(["nan", "inf", "-inf"]))
    return case.but(extra={"row": row, "filling": filling})


@embedding.law("A row that is no number is answered where its token stands, and nowhere else.", draw=draw_spoilt_row)
def a_row_that_is_no_number_stays_in_its_tokens(case: Case, experiment: Experiment) -> Evidence:
    """A lookup: what stands in the other rows of the table does not matter (a product with one-hot rows has 0 inf)."""
    (tokens, table), filling = case.arguments, float(case.extra["filling"])
    clean = experiment.ask(case)
    spoilt = experiment.ask(case.replacing(1, filled(table, case.extra["row"], filling)))
    got = numbers(spoilt, clean.value.shape)
    if got is None:
        return differing("shape of the answer", "another", clean.value.shape)
    here = np.broadcast_to((tokens == case.extra["row"])[..., None], got.shape)
    sign = np.sign(experiment.setting(case, "scale"))
    wanted = np.where(here, sign * filling, clean.value)
    return relation("rows beside one that is no number", got, wanted, np.where(here, 0.0, 2 * clean.bound), clean.scale)


# -- attention -----------------------------------------------------------------------------------------------------------------

UNMASKED_KEYS = tuple(row for row in attention.FREE if not row.get("mask"))
BIASED = tuple({**row, "bias": True} for row in UNMASKED_KEYS if row["length_k"] > 1)
FEW_KEYS = attention.row((1, 2), 2, 3, 4, 4)
"""Fewer keys than a vector register holds numbers, and nothing that keeps code from its fastest path: the maximum of what is
left beside whole registers is a loop of its own, and a comparison with nan is false."""
attention_of_nan = law_of_nan(
    attention.SUBJECT, "nan in a query makes its row of the answer nan.", row=True, rows=(FEW_KEYS, *UNMASKED_KEYS)
)


def draw_hiding_bias(recipe: Draw) -> Case:
    """A bias, and which keys it is to hide from which queries; each query keeps a key."""
    case = attention.draw(recipe)
    bias = case.options["bias"]
    kept = recipe.mask("kept", bias.shape)
    return case.but(extra={"kept": kept})


@attention.law("A bias of minus infinity hides a key.", rows=BIASED, draw=draw_hiding_bias, needs=("bias",))
def a_bias_of_minus_infinity_hides_a_key(case: Case, experiment: Experiment) -> Evidence:
    """exp(-inf) = 0: f(bias = -inf) is f with those keys masked, for queries that keep a key."""
    bias, kept = case.options["bias"], case.extra["kept"]
    if kept.all():
        raise NotJudged("nothing is hidden")
    hidden = {**case.options, "bias": filled(bias, ~kept, -np.inf)}
    truth = experiment.truth_of(experiment.component, case.but(options={**case.options, "mask": kept}))
    answer = experiment.ask(case.but(options=hidden))
    return truth.evidence("answer with a bias of minus infinity", np.asarray(answer.reply.outputs))


# -- cross_entropy -------------------------------------------------------------------------------------------------------------

PLAIN = tuple(r for r in cross_entropy.ALL_INTEGERS if r["classes"] > 1 and not r.get("label_smoothing"))
NEAR = (*ORDINARY, "large")
SHARED = tuple(r for r in cross_entropy.COUNTED if r.get("probabilities") and not r.get("label_smoothing"))


def draw_impossible(recipe: Draw) -> Case:
    """A class that is no target, and whose logit is to be minus infinity everywhere."""
    case = drawn_without_a_column(recipe, cross_entropy.draw(recipe))
    targets, column = case.arguments[1], case.extra["column"]
    ignored = case.options.get("ignore_index", -1)
    if ignored >= 0:
        raise NotJudged("a class is ignored")
    if targets.dtype.kind in "iu":
        return case.replacing(1, np.where(targets == column, (column + 1) % recipe["classes"], targets))
    given = targets.copy()
    given[..., (column + 1) % recipe["classes"]] += given[..., column]
    given[..., column] = 0
    return case.replacing(1, given)


def possible(case: Case) -> Case:
    """The case without the class: its logits, its share of the targets, its weight; the other classes close up."""
    (x, targets), column = case.arguments, case.extra["column"]
    left = targets - (targets > column) if targets.dtype.kind in "iu" else without_the_column(targets, case)
    options = {n: np.delete(v, column) if n == "weight" else v for n, v in case.options.items()}
    return case.but(arguments=(without_the_column(x, case), left), options=options)


@cross_entropy.law(
    "A class of logit minus infinity is no class, and costs infinity as a target.",
    rows=PLAIN,
    draw=draw_impossible,
    kinds=NEAR,
)
def an_impossible_class_is_none(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """f(x with -inf, t) is f without the class, where it is no target; where it is, -log 0 = inf."""
    cross_entropy.ignores_the_impossible(experiment)
    marked = with_minus_infinity(case)
    targets, column = case.arguments[1], case.extra["column"]
    truth = experiment.truth_of(experiment.component, possible(case))
    evidence = truth.evidence("loss beside an impossible class", np.asarray(experiment.ask(marked).reply.outputs))
    surprised = np.where(targets >= 0, column, targets)
    got = np.asarray(experiment.ask(marked.replacing(1, surprised)).reply.outputs).astype(np.float64)
    counted = cross_entropy.counted(case, experiment) if got.ndim else np.ones((), bool)
    told = np.where(counted, got, np.inf) if counted.shape == got.shape else got
    return evidence, relation("loss of an impossible target", told, np.full(told.shape, np.inf), 0.0)


@cross_entropy.law("No share of an impossible class costs nothing.", rows=SHARED, draw=draw_impossible, kinds=NEAR)
def no_share_of_an_impossible_class_costs_nothing(case: Case, experiment: Experiment) -> Evidence:
    """0 log 0 = 0 (Cover & Thomas 2006, section 2.1): a class of probability and of share 0 does not matter."""
    cross_entropy.ignores_the_impossible(experiment)
    truth = experiment.truth_of(experiment.component, possible(case))
    answer = experiment.ask(with_minus_infinity(case))
    return truth.evidence("loss beside an impossible class", np.asarray(answer.reply.outputs))


def draw_impossible_with_cotangent(recipe: Draw) -> Case:
    """The same, with a cotangent."""
    case = draw_impossible(recipe)
    told = with_cotangent(replace(case, extra={}), recipe, "cross_entropy")
    return case.but(extra={**case.extra, **told.extra})


@cross_entropy.law(
    "An impossible class has no gradient, and does not touch that of the others.",
    rows=(*PLAIN, *SHARED), draw=draw_impossible_with_cotangent, gradients=True, kinds=NEAR,
)  # fmt: skip
def an_impossible_class_has_no_gradient(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """d x = (p A - a) g with p = a = 0 where the logit is minus infinity, and the gradient without that class elsewhere."""
    cross_entropy.ignores_the_impossible(experiment)
    cotangent = case.extra["cotangent"]
    answer = experiment.ask(with_minus_infinity(case), cotangent=cotangent)
    gradient: Any = answer.gradient((0,))
    if gradient is None:
        return (differing("gradient of the logits", "none: no derivative reached it", "an array"),)
    gradient = np.asarray(gradient)
    truth = experiment.truths_at(possible(case), cotangent)[0][1]
    column = gradient.astype(np.float64)[..., [case.extra["column"]]]
    return (
        relation("gradient of the impossible logit", column, np.zeros(column.shape), 0.0),
        truth.evidence("gradient of the other logits", without_the_column(gradient, case)),
    )
