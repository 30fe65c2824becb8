"""Laws of cross_entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties import softmax
from veriformer.properties.experiment import Answer, Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, not_above, relation
from veriformer.properties.probes import BEYOND_16_BITS, Draw, power
from veriformer.properties.settle import Inquiry
from veriformer.spec import COMPONENTS
from veriformer.spec.numbers import Ball, number, working_precision


def row(shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    """Sizes of one case: K classes, and what the targets and the options are. Who takes no ignore_index is given no target
    that is no class."""
    needs = ("ignore_index",) if "ignore_index" in more else ()
    return {"shape": shape, "rank": len(shape), "classes": shape[-1], "needs": needs, **more}


ROWS = (
    row((2, 4)),
    row((3,), reduction="sum"),
    row((4, 5), ignore_index=-100),
    row((3, 4), label_smoothing=0.1),
    row((2, 3, 6), reduction="sum", weight=True),
    row((5, 3), reduction="none", label_smoothing=0.25, ignore_index=0),
    row((3, 5), probabilities=True),
    row((4, 4), weight=True, ignore_index=-1, label_smoothing=0.1),
    row((2, 2, 4), probabilities=True, weight=True, label_smoothing=0.3, reduction="mean"),
    row((2, 3), ignore_index=2, all_ignored=True),
    row((1, 1)),
    row((3, 1), ignore_index=-1),
    row((4, 33), label_smoothing=0.1, ignore_index=1),
    row((2, 300), reduction="sum", probabilities=True),
    row((16, 64), label_smoothing=0.1),  # many terms in all, not many in a row
    row((3, 7), reduction="none", weight=True),
    row((3, 4), reduction="sum", ignore_index=-1, label_smoothing=0.1),
    row((2, 3), reduction="none", probabilities=True, label_smoothing=0.25),
    row((33, 3), ignore_index=-100, reach="tile"),
    row((3, 65), label_smoothing=0.1, weight=True, reach="tile"),
    row((2, 1025), ignore_index=0, reach="long"),
    row((300, 3), reduction="sum", reach="long"),
)
LARGE = (row((2, BEYOND_16_BITS)), row((BEYOND_16_BITS, 3), reduction="none"))
OPTIONS = ("label_smoothing", "ignore_index", "reduction")


def draw(recipe: Draw) -> Case:
    """Logits of any kind; classes, some of them ignored, or probabilities; a weight for each class in some sizes."""
    shape = recipe["shape"]
    options: dict[str, Any] = {name: recipe[name] for name in OPTIONS if name in recipe.row}
    if recipe.get("weight"):
        options["weight"] = recipe.cast(recipe.rng("weight").integers(1, 9, shape[-1]) / 4)
    targets = probabilities(recipe) if recipe.get("probabilities") else classes(recipe)
    return Case((recipe.array("logits", shape), targets), options)


def classes(recipe: Draw) -> np.ndarray:
    """A class for each position. Some are ignored where an index says so, all of them in some sizes, never all in others."""
    shape, ignored = recipe["shape"], recipe.get("ignore_index")
    targets = np.asarray(recipe.integers("targets", shape[:-1], 0, shape[-1]))
    if ignored is None:
        return targets
    hidden = np.asarray(recipe.rng("hidden").random(targets.shape) < 0.5) | (targets == ignored)
    hidden.flat[0] = bool(recipe.get("all_ignored"))
    targets = np.where(hidden | bool(recipe.get("all_ignored")), ignored, targets)
    if not recipe.get("all_ignored"):
        targets.flat[0] = (ignored + 1) % shape[-1] if ignored >= 0 else shape[-1] - 1
    return targets


def probabilities(recipe: Draw) -> np.ndarray:
    """A distribution for each position, in sixteenths, so that it sums to one exactly; some classes have none."""
    shape = recipe["shape"]
    counts = recipe.rng("targets").multinomial(16, np.full(shape[-1], 1 / shape[-1]), size=shape[:-1])
    return recipe.cast(counts / 16)


SUBJECT = Subject("cross_entropy", ROWS, draw, top=power(0.9), differentiable=True, large=LARGE)
law = SUBJECT.law
COUNTED = tuple(r for r in ROWS if not r.get("all_ignored"))
UNWEIGHTED = tuple(r for r in COUNTED if not r.get("weight"))
ALL_INTEGERS = tuple(r for r in COUNTED if not r.get("probabilities"))
IGNORING = tuple(r for r in ALL_INTEGERS if r.get("ignore_index") is not None)
SEVERAL = tuple(r for r in COUNTED if r["rank"] != 1)


def with_options(case: Case, **options: Any) -> Case:
    """The case with some options set."""
    return case.but(options={**case.options, **options})


def counted(case: Case, experiment: Experiment) -> np.ndarray:
    """Which positions count."""
    targets, ignored = case.arguments[1], experiment.setting(case, "ignore_index")
    if targets.dtype.kind not in "iu":
        return np.ones(targets.shape[:-1], bool)
    return np.ones(targets.shape, bool) if ignored is None else np.asarray(targets != ignored)


def positions(case: Case, experiment: Experiment) -> float:
    """Of how many positions the answer is the sum."""
    return float(counted(case, experiment).sum()) if experiment.setting(case, "reduction") == "sum" else 1.0


@law("It is never negative.", rows=COUNTED)
def is_not_negative(case: Case, experiment: Experiment) -> Evidence:
    """f >= -B, where weights and targets are not negative."""
    answer = experiment.ask(case)
    return not_above("minus the loss", -answer.value, np.zeros(answer.value.shape), answer.bound, answer.scale)


def draw_equal(recipe: Draw) -> Case:
    """Logits that are equal in each position."""
    case = draw(recipe)
    level = recipe.array("level", (*recipe["shape"][:-1], 1))
    return case.replacing(0, np.broadcast_to(level, recipe["shape"]).copy()).but(fixed=frozenset({(0, 0)}))


@law("Of K equal logits it is log K, smoothed or not.", draw=draw_equal, rows=UNWEIGHTED)
def equal_logits_cost_log_k(case: Case, experiment: Experiment) -> Evidence:
    """f = log K, certified, for targets that sum to one; as often as positions are added up."""
    answer = experiment.ask(case)
    with working_precision(128):
        log_k = float(np.log(number(case.arguments[0].shape[-1], like=Ball(0))).centres())
    wanted = np.asarray(log_k * positions(case, experiment))
    if experiment.setting(case, "reduction") == "none":
        wanted = np.where(counted(case, experiment), log_k, 0.0)
    own = 2.0**-51 * np.abs(wanted)  # the rounding of log K, and of the product
    return relation(
        "log K", answer.value, np.broadcast_to(wanted, answer.value.shape), answer.bound + own, answer.scale
    )


def draw_shift(recipe: Draw) -> Case:
    """Logits and a shift for each position, on one grid."""
    shape = recipe["shape"]
    case = draw(recipe).replacing(0, recipe.grid("logits", shape))
    return case.but(extra={"shift": recipe.grid("shift", (*shape[:-1], 1), steps=16384)})


@law("Adding one number to all logits of a position changes nothing.", draw=draw_shift, rows=COUNTED, kinds=("normal",))
def ignores_a_shift(case: Case, experiment: Experiment) -> Evidence:
    """f(x + c) = f(x), where x + c is exact."""
    x, shift = case.arguments[0], case.extra["shift"]
    moved = x + shift
    if (moved.astype(np.float64) != x.astype(np.float64) + shift.astype(np.float64)).any():
        raise NotJudged("x + c is not exact")
    return within_two(experiment.ask(case.replacing(0, moved)), experiment.ask(case), "loss of the unshifted logits")


def within_two(one: Answer, other: Answer, comparison: str) -> Evidence:
    """Two answers that must be equal, within the two bounds."""
    return relation(comparison, one.value, other.value, one.bound + other.bound, np.maximum(one.scale, other.scale))


def draw_permutation(recipe: Draw) -> Case:
    """The classes under other numbers. An index that is ignored stays what it is, and is none of them."""
    case = draw(recipe)
    if case.options.get("ignore_index", -1) >= 0:
        raise NotJudged("a class is ignored")
    return case.but(extra={"order": recipe.permutation("order", recipe["shape"][-1])})


@law("The numbers of the classes do not matter.", draw=draw_permutation, rows=COUNTED)
def ignores_the_order_of_classes(case: Case, experiment: Experiment) -> Evidence:
    """f(x P, t P) = f(x, t), the weights permuted along."""
    (x, targets), order = case.arguments, case.extra["order"]
    place = np.argsort(order)
    known = counted(case, experiment)
    moved = targets[..., order] if targets.dtype.kind not in "iu" else np.where(known, place[targets * known], targets)
    options = {name: value[order] if name == "weight" else value for name, value in case.options.items()}
    permuted = experiment.ask(case.but(arguments=(x[..., order], moved), options=options))
    return within_two(permuted, experiment.ask(case), "loss of the classes in order")


def draw_other_logits(recipe: Draw) -> Case:
    """Other logits, for the positions that are ignored."""
    return draw(recipe).but(extra={"other": recipe.array("other logits", recipe["shape"], "large")})


@law("What is ignored does not matter.", draw=draw_other_logits, rows=IGNORING, needs=("ignore_index",))
def an_ignored_position_moves_nothing(case: Case, experiment: Experiment) -> Evidence:
    """f is the same whatever (finite) logits stand where the target is ignored."""
    hidden = ~counted(case, experiment)[..., None]
    if not hidden.any():
        raise NotJudged("nothing is ignored")
    other = case.replacing(0, np.where(hidden, case.extra["other"], case.arguments[0]))
    return within_two(experiment.ask(other), experiment.ask(case), "loss with other logits at ignored positions")


@law("It is linear in the smoothing.", rows=COUNTED, needs=("label_smoothing",))
def is_linear_in_the_smoothing(case: Case, experiment: Experiment) -> Evidence:
    """f(e) = (1 - e) f(0) + e f(1), for e = 1/4, which spreads all of the target's share evenly."""
    if experiment.conventions.get("smoothing", "all_classes") != "all_classes":
        raise NotJudged("the share is spread over the other classes")
    some, none, whole = (experiment.ask(with_options(case, label_smoothing=e)) for e in (0.25, 0.0, 1.0))
    mixed = 0.75 * none.value + 0.25 * whole.value
    own = 2.0**-51 * (np.abs(none.value) + np.abs(whole.value))  # two products and their sum, in float64
    allowed = some.bound + 0.75 * none.bound + 0.25 * whole.bound + own
    return relation("mixture of both losses", some.value, mixed, allowed, np.maximum(none.scale, whole.scale))


@law("The sum is that of all positions.", rows=SEVERAL, needs=("reduction",))
def the_sum_is_that_of_all_positions(case: Case, experiment: Experiment) -> Evidence:
    """f("sum") = sum of f("none")."""
    whole, each = (experiment.ask(with_options(case, reduction=r)) for r in ("sum", "none"))
    wanted = softmax.exact_sums(each.value.reshape(1, -1))[0]
    return relation("sum of the positions", whole.value, wanted, whole.bound + each.bound.sum(), whole.scale)


@law("The mean is the sum over the weights of what counts.", rows=COUNTED, needs=("reduction",))
def the_mean_is_the_sum_over_the_count(case: Case, experiment: Experiment) -> Evidence:
    """W f("mean") = f("sum"), W the weights of the counted targets, or their number."""
    targets, weight = case.arguments[1], case.options.get("weight")
    known = counted(case, experiment)
    total = float(known.sum())
    if weight is not None and targets.dtype.kind in "iu":
        total = float(weight.astype(np.float64)[targets[known]].sum())  # quarters: exact
    mean, whole = (experiment.ask(with_options(case, reduction=r)) for r in ("mean", "sum"))
    own = 2.0**-52 * np.abs(whole.value)  # the product, in float64
    allowed = total * mean.bound + whole.bound + own
    return relation("sum of the losses", total * mean.value, whole.value, allowed, whole.scale)


@law("Each position has a loss of its own.", rows=SEVERAL, needs=("reduction",))
def each_position_stands_alone(case: Case, experiment: Experiment) -> Evidence:
    """f(x, t)[0] = f(x[0], t[0]), without a reduction."""
    case = with_options(case, reduction="none")
    first = case.but(arguments=tuple(argument[:1] for argument in case.arguments))
    alone, among = experiment.ask(first), experiment.ask(case)
    return relation(
        "loss among others", alone.value[0], among.value[0], alone.bound[0] + among.bound[0], among.scale[0]
    )


@law("Classes are probabilities of one.", rows=ALL_INTEGERS)
def integer_targets_are_one_hot_probabilities(case: Case, experiment: Experiment) -> Evidence:
    """f(x, t) = f(x, one-hot t), where all positions count, added up where there are weights."""
    x, targets = case.arguments
    if not counted(case, experiment).all() or "ignore_index" in experiment.conventions:
        raise NotJudged("some positions do not count")
    if "weight" in case.options:
        case = with_options(case, reduction="sum")
    one_hot = (np.arange(x.shape[-1]) == targets[..., None]).astype(x.dtype)
    options = {name: value for name, value in case.options.items() if name != "ignore_index"}
    soft = experiment.ask(case.but(arguments=(x, one_hot), options=options))
    return within_two(soft, experiment.ask(case), "loss for classes")


def draw_sum(recipe: Draw) -> Case:
    """Added up, without weights, with a whole number as the cotangent."""
    case = draw(recipe)
    options = {name: value for name, value in case.options.items() if name != "weight"}
    return with_cotangent(case.but(options={**options, "reduction": "sum"}), recipe, "cross_entropy", "integers")


@law("Its gradient is softmax minus target.", draw=draw_sum, rows=UNWEIGHTED, gradients=True, needs=("reduction",))
def the_gradient_is_softmax_minus_target(case: Case, experiment: Experiment) -> Evidence:
    """d x = g (softmax(x) - q) where a position counts, for targets that sum to one; the softmax certified by its own spec."""
    x, targets = case.arguments
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    gradient = answer.gradient((0,))
    if gradient is None:
        return differing("gradient of the logits", "none: no derivative reached it", "an array")
    weights = experiment.truth_of(COMPONENTS["softmax"], Case((x,))).ball
    with working_precision(256):
        given = (
            targets if targets.dtype.kind not in "iu" else (np.arange(x.shape[-1]) == targets[..., None]).astype(int)
        )
        wanted = (weights - smoothed(number(given, like=weights), case, experiment)).centres()
    wanted = float(case.extra["cotangent"]) * np.where(counted(case, experiment)[..., None], wanted, 0.0)
    _, truth = answer.gradient_truths[0]
    own = 2.0**-51 * np.abs(wanted)  # what is wanted, rounded, and the product
    return relation("softmax minus target", gradient, wanted, truth.bound + own, truth.scale)


def smoothed(q: Ball, case: Case, experiment: Experiment) -> Ball:
    """The target with its share given away, over balls."""
    e, k = number(experiment.setting(case, "label_smoothing"), like=q), q.shape[-1]
    if experiment.conventions.get("smoothing") == "other_classes":
        return (1 - e) * q + e * (1 - q) / max(k - 1, 1)
    return (1 - e) * q + e / k


def draw_gradient(recipe: Draw) -> Case:
    """Any case, with a cotangent."""
    return with_cotangent(draw(recipe), recipe, "cross_entropy")


@law("The gradients of a position's logits add up to 0.", draw=draw_gradient, rows=COUNTED, gradients=True)
def the_gradient_sums_to_zero(case: Case, experiment: Experiment) -> Evidence:
    """|sum_k d x_k| <= sum of the bounds: a shift of all logits changes nothing."""
    answer = experiment.ask(case, cotangent=case.extra["cotangent"])
    gradient = answer.gradient((0,))
    if gradient is None:
        return differing("gradient of the logits", "none: no derivative reached it", "an array")
    _, truth = answer.gradient_truths[0]
    sums = softmax.exact_sums(np.asarray(gradient).astype(np.float64))
    return relation("sums over the classes", sums, np.zeros(sums.shape), truth.bound.sum(-1), np.max(truth.scale, -1))


def ignores_the_impossible(experiment: Experiment) -> None:
    """0 log 0 = 0."""
    if experiment.conventions.get("impossible_class") != "ignored":
        raise NotJudged("0 * inf leaks from an impossible class, or it is open whether it does")


def impossible_cases(dtype: str) -> tuple[Case, ...]:
    """Three classes, of which one is impossible for the first position: with probabilities, and with classes."""
    logits = np.array([[1.0, 2.0, -np.inf], [0.5, -1.0, 3.0]]).astype(dtype)
    return (
        Case((logits, np.array([[0.5, 0.5, 0], [0.25, 0.25, 0.5]]).astype(dtype))),
        Case((logits, np.array([1, 2]))),
    )


def all_ignored_cases(dtype: str) -> tuple[Case, ...]:
    """Two positions, and neither counts."""
    logits = np.array([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]).astype(dtype)
    return (Case((logits, np.array([-1, -1])), {"ignore_index": -1}),)


INQUIRIES = (
    Inquiry("cross_entropy", "all_ignored", all_ignored_cases, lambda row: bool(row.get("all_ignored"))),
    Inquiry("cross_entropy", "impossible_class", impossible_cases, lambda _: False, binding=False),
)
