"""Laws of dropout.

Which mask a seed draws cannot be known. So the mask is read off the answer, and everything else is certain given it: the
kept numbers, the gradient, the corners. What remains, that masks are drawn with the stated probability and independently,
is put to statistical laws: experiments of a fixed size, NUMBERS numbers from SEEDS seeds for each rate, never searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from veriformer.properties import chance
from veriformer.properties.experiment import Experiment
from veriformer.properties.gradients import with_cotangent
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, relation
from veriformer.properties.probes import KINDS, Draw, power
from veriformer.properties.softmax import row
from veriformer.spec.dropout import RATE_RESOLUTION
from veriformer.spec.numbers.precision import FORMATS

ROWS = (
    row((3,), rate=0.5),
    row((2, 4), rate=0.1, training=True),
    row((2, 3, 5), rate=0.25),
    row((4, 4), rate=0.5, training=False),
    row((4, 4), rate=0.0),
    row((2, 6), rate=1.0),
    row((3, 33), rate=0.3),
    row((2, 300), rate=0.999),
)
KINDS_WITHOUT_DENORMALS = tuple(kind for kind in KINDS if kind != "denormal")
"""A number that may be flushed to 0 does not show whether it was kept."""


def without_zeros(x: np.ndarray) -> np.ndarray:
    """1 in the place of 0, which does not show whether it was kept."""
    return np.where(x == 0, np.ones_like(x), x)


def draw(recipe: Draw) -> Case:
    """Numbers of any kind that are not 0, and a seed."""
    options = {"training": recipe["training"]} if "training" in recipe.row else {}
    seed = int(recipe.integers("seed", (), 0, 2**31))
    return Case((without_zeros(recipe.array("x", recipe["shape"])), recipe["rate"], seed), options)


SUBJECT = Subject(
    "dropout",
    ROWS,
    draw,
    top=power(0.9),
    kinds=KINDS_WITHOUT_DENORMALS,
    differentiable=True,
    laid_out=False,
)
law = SUBJECT.law
DRAWN = tuple(r for r in ROWS if 0 < r["rate"] < 1 and r.get("training", True))


@law("Outside training it is the identity.", needs=("training",))
def outside_training_it_is_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """f(x; training=False) = x, at any rate."""
    answer = experiment.ask(case.but(options={"training": False}))
    return relation("x itself", answer.value, case.arguments[0], answer.bound, answer.scale)


@law("At rate 0 everything stays what it is.")
def rate_zero_is_the_identity(case: Case, experiment: Experiment) -> Evidence:
    """f(x, 0) = x."""
    answer = experiment.ask(case.replacing(1, 0.0))
    return relation("x itself", answer.value, case.arguments[0], answer.bound, answer.scale)


@law("At rate 1 everything is 0.")
def rate_one_gives_zeros(case: Case, experiment: Experiment) -> Evidence:
    """f(x, 1) = 0, and not 0 times infinity."""
    value = experiment.ask(case.replacing(1, 1.0).but(options={})).value
    return differing("output at rate 1", value, np.zeros(value.shape))


def draw_other(recipe: Draw) -> Case:
    """A case, and other numbers."""
    other = recipe.array("other x", recipe["shape"], "normal")
    return draw(recipe).but(extra={"x": without_zeros(other)})


@law("The seed alone says what is dropped, not the numbers.", draw=draw_other, rows=DRAWN)
def the_mask_does_not_depend_on_the_numbers(case: Case, experiment: Experiment) -> Evidence:
    """f(x, seed)_i = 0 if and only if f(x', seed)_i = 0, for one shape; where x_i and x'_i are not 0."""
    x, other = case.arguments[0], case.extra["x"]
    shown = (x != 0) & (other != 0)
    one, two = (experiment.ask(case.replacing(0, numbers)).value != 0 for numbers in (x, other))
    return differing("numbers kept", (one & shown).astype(int), (two & shown).astype(int))


def draw_cotangent(recipe: Draw) -> Case:
    """A case, and a cotangent without zeros."""
    case = with_cotangent(draw(recipe), recipe, "dropout", "normal")
    return case.but(extra={"cotangent": without_zeros(case.extra["cotangent"])})


@law("The gradient goes through the mask of the answer.", draw=draw_cotangent, rows=DRAWN, gradients=True)
def the_gradient_goes_through_the_same_mask(case: Case, experiment: Experiment) -> Evidence:
    """d x_i = 0 if and only if f_i = 0: nothing is drawn anew on the way back."""
    x, cotangent = case.arguments[0], case.extra["cotangent"]
    shown = (x != 0) & (cotangent != 0)
    answer = experiment.ask(case, cotangent=cotangent)
    gradient = answer.gradient((0,))
    if gradient is None:
        return differing("gradient of x", "none: no derivative reached it", "an array")
    if not shown.any():
        raise NotJudged("zeros do not show what is kept")
    went, kept = (((numbers != 0) & shown).astype(int) for numbers in (np.asarray(gradient), answer.value))
    return differing("numbers that the gradient reaches", went, kept)


SHAPE = (4, 8, 128)
"""Examples, heads and positions of one mask."""
SEEDS = 16
NUMBERS = SEEDS * int(np.prod(SHAPE))
RATES = tuple({**row(SHAPE, rate=rate), "numbers": NUMBERS} for rate in (0.1, 0.5, 0.25, 0.9))
EVEN = tuple(r for r in RATES if r["rate"] == 0.5)
"""Where what is kept is a fair coin: whether two numbers agree is then another one, also of pairs that share numbers."""
BITS = 31
STATISTICS = len(RATES) * (2 + 4 * 2) + len(EVEN) * 2
"""For each rate, two laws of one statistic and four of two; for even odds two of one, which speak of many numbers at once."""
LEVEL = chance.FALSE_ALARM / STATISTICS
"""The probability with which an honest generator exceeds the limits of one statistic."""
FACTORS = {"exact": 0.0, "1/256": 1 / 256, "1/16": 1 / 16}
UNIFORM_BITS = 23
"""Of the coarsest uniform numbers that count as exact, jax.random.uniform's in float32."""


def draw_seeds(recipe: Draw) -> Case:
    """An x of ones, a rate, and the first of the seeds."""
    seed = int(recipe.integers("seed", (), 0, 2**30))
    ones = recipe.cast(np.ones(recipe["shape"]))
    return Case((ones, recipe["rate"], seed), fixed=frozenset({(0, 0)}))


def statistical(sentence: str) -> Any:
    """A law on all rates, each asked once."""
    return law(sentence, draw=draw_seeds, rows=RATES, kinds=("normal",), statistical=True)


def answers(case: Case, experiment: Experiment) -> np.ndarray:
    """The answers for all seeds, (SEEDS, *SHAPE)."""
    _, _, first = case.arguments
    return np.stack([experiment.ask(case.replacing(2, seed)).value for seed in range(first, first + SEEDS)])


def probable(case: Case, experiment: Experiment) -> tuple[float, float, float]:
    """The probability to keep a number, as stated, and from where to where it may be: the rate, or what it leaves, may be
    rounded to the dtype, uniform numbers have few bits, and a convention may admit fewer."""
    stated = 1 - case.arguments[1]
    assert RATE_RESOLUTION.default is not None
    chosen = experiment.conventions.get("rate_resolution", RATE_RESOLUTION.default)
    rounding = float(FORMATS[experiment.dtype].half_ulp(np.asarray(max(stated, 1 - stated))))
    off = FACTORS[chosen] + rounding + 2.0**-UNIFORM_BITS
    return stated, max(stated - off, 0.0), min(stated + off, 1.0)


@statistical("Numbers are kept with probability 1 - rate.")
def keeps_at_the_stated_rate(case: Case, experiment: Experiment) -> Evidence:
    """The count of NUMBERS numbers that are kept is binomial.

    Power, for 65,536 numbers and the level of each statistic, 2.5e-11: a rate of 0.12 for 0.1 is found with a probability
    above 1 - 1e-15, 0.11 with 0.95, 0.105 with 0.007; 0.52 for 0.5 with 0.999, 0.51 with 0.06.
    """
    kept = int((answers(case, experiment) != 0).sum())
    return chance.counted("numbers kept", kept, NUMBERS, probable(case, experiment), LEVEL)


@statistical("The mean stays: what is kept is enlarged by as much as is dropped.")
def preserves_the_mean(case: Case, experiment: Experiment) -> Evidence:
    """The sum of f(x) is that of x, but for chance, which moves it by 1 / (1 - rate) for each number more that is kept.

    Power: numbers that are not enlarged, with a sum of 1 - rate of the whole, are always found; so is a factor that is off
    by 1.5 % at rate 0.1, by 4 % at rate 0.5, with a probability above 0.99.
    """
    stated, least, most = probable(case, experiment)
    fewest, highest = chance.limits(NUMBERS, least, most, LEVEL)
    outputs = answers(case, experiment)
    total, own = float(outputs.sum()), NUMBERS * FORMATS[experiment.dtype].u * 4 / stated
    off, kept = total - NUMBERS, NUMBERS * stated
    allowed = ((highest - kept) if off > 0 else (kept - fewest)) / stated + own
    return Evidence(
        "sum of the output",
        np.array([abs(off) if np.isfinite(off) else np.inf]),
        np.array([allowed]),
        got=f"{total:.6g}",
        wanted=f"{NUMBERS}, that of x, give or take {allowed:.4g}",
    )


def pairs(kept: np.ndarray, axis: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Masks beside their neighbours along an axis, and the first half beside the second: each number in one pair."""
    along = np.moveaxis(kept, axis, 0)
    half = len(along) // 2
    yield "neighbours", along[0::2], along[1::2]
    yield "halves", along[:half], along[half:]


def independent(what: str, axis: int, case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Of independent numbers, pairs agree with probability p^2 + (1 - p)^2; of disjoint pairs the count is binomial."""
    kept = answers(case, experiment) != 0
    likely = chance.agreeing(probable(case, experiment))
    return tuple(
        chance.counted(f"pairs of {name} among the {what} that agree", int((a == b).sum()), a.size, likely, LEVEL)
        for name, a, b in pairs(kept, axis)
    )


@statistical("Each position is drawn by itself.")
def positions_are_drawn_independently(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Numbers side by side agree as often as independent ones. Power: one mask for two positions makes all pairs agree, in
    place of 0.82 of them at rate 0.1, and is always found; where a tenth of the pairs share one, it is found with a
    probability above 1/2, at every rate from 0.1 to 0.9."""
    return independent("positions", -1, case, experiment)


@statistical("Each head is drawn by itself.")
def heads_are_drawn_independently(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Masks of two heads agree as often as independent ones. Power: as for positions; one mask for all heads is always
    found."""
    return independent("heads", -2, case, experiment)


@statistical("Each example of a batch is drawn by itself.")
def examples_are_drawn_independently(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Masks of two examples agree as often as independent ones. Power: as for positions."""
    return independent("examples", -3, case, experiment)


@statistical("Another seed draws another mask.")
def seeds_draw_independently(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Masks of consecutive seeds agree as often as independent ones. Power: as for positions; a seed that is not heard is
    always found."""
    return independent("seeds", 0, case, experiment)


@law("No stretch of the masks is another one again.", draw=draw_seeds, rows=EVEN, kinds=("normal",), statistical=True)
def no_stretch_of_the_masks_repeats(case: Case, experiment: Experiment) -> Evidence:
    """With s_i = 1 for what is kept and -1 for what is not, the masks of all seeds one after the other, the s_i s_(i + l) of
    any lag l are independent and fair: |sum| <= sqrt(2 (n - l) log(4 n / level)) at every lag at once (Hoeffding 1963). Where
    a number may be kept with probability 1/2 + d, it is a fair one, of which each is changed with probability |d|: as many as
    are changed at the most, twice each.

    Power: a generator with a period of less than half of the numbers, one that gives the second half of a mask the numbers of
    the first, and one whose next seed is the same stream one further, are always found; 3,000 of the 65,536 numbers once more,
    at any distance, with a probability above 0.99.
    """
    signs = np.where(answers(case, experiment).ravel() != 0, 1.0, -1.0)
    spectrum = np.abs(np.fft.rfft(signs, 2 * NUMBERS)) ** 2
    sums = np.rint(np.fft.irfft(spectrum)[1:NUMBERS])  # whole numbers, to within 1e-9
    stated, least, most = probable(case, experiment)
    _, changed = chance.limits(NUMBERS, 0.0, max(most - stated, stated - least), LEVEL / 2)
    lags = np.arange(1, NUMBERS)
    allowed = np.sqrt(2 * (NUMBERS - lags) * np.log(4 * NUMBERS / LEVEL)) + 4 * changed
    worst = int(np.argmax(np.abs(sums) / allowed))
    agreeing = (NUMBERS - lags[worst] + sums[worst]) / 2
    return Evidence(
        f"numbers that agree with those {lags[worst]} further on",
        np.abs(sums[worst : worst + 1]) / 2,
        allowed[worst : worst + 1] / 2,
        got=f"{agreeing:.0f} of {NUMBERS - lags[worst]}",
        wanted=f"half of them, give or take {allowed[worst] / 2:.0f}",
    )


@law(
    "Seeds that differ in one bit draw independently.", draw=draw_seeds, rows=EVEN, kinds=("normal",), statistical=True
)
def seeds_that_differ_in_one_bit_draw_independently(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The mask of a seed agrees with that of the seed in which any one bit is another with half of its numbers. Power: a bit of
    the seed that is not heard is always found."""
    _, _, seed = case.arguments
    own, likely = experiment.ask(case).value != 0, chance.agreeing(probable(case, experiment))
    others = (experiment.ask(case.replacing(2, seed ^ (1 << bit))).value != 0 for bit in range(BITS))
    return tuple(
        chance.counted(f"numbers that agree with those of bit {bit} changed", int((own == other).sum()), own.size,
                       likely, LEVEL / BITS)
        for bit, other in enumerate(others)
    )  # fmt: skip


INQUIRIES = ()
