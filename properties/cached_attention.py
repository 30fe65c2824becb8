"""Laws of cached_attention: whatever is remembered, and in whatever pieces the positions come, it is one causal attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from veriformer.impls.protocol import Tree
from veriformer.properties import multi_head_attention
from veriformer.properties.experiment import Answer, Asked, Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, differing, relation
from veriformer.properties.probes import Draw, for_scores
from veriformer.spec import COMPONENTS

CHUNK = "a chunk of several positions"
REORDER = "reorder"
"""What an object may leave out."""
OPTIONS = ("n_heads", "max_length", "window", "rotary_base", "layout")
"""What an object is built with, beside its weights."""
LIMIT = ("max_length",)
"""The keyword without which some laws have nothing to ask."""


def row(batch: tuple[int, ...], steps: tuple[int, ...], d_model: int, n_heads: int, **more: Any) -> dict[str, Any]:
    """Sizes of one case; `steps` says how many positions each step takes, `outgrows` that they are more than 16, a room that
    may be reserved at first."""
    sizes = {"batch": batch, "rank": len(batch) + 2, "length": sum(steps), "d_model": d_model, "n_heads": n_heads}
    return {**sizes, "steps": steps, **more}


ROWS = (
    row((), (1, 1), 2, 1),
    row((2,), (1, 1, 1), 4, 2, biases=True),
    row((), (2, 1), 4, 2),
    row((2,), (1, 1), 4, 2, max_length=2),
    row((), (1, 1, 1), 6, 3, max_length=5),
    row((3,), (1, 1), 4, 2, reorder=1),
    row((3,), (1, 1, 1), 4, 2, reorder=2, biases=True),
    row((2,), (1, 2), 4, 2, biases=True, max_length=3),
    row((2,), (1, 1), 4, 2, d_k=3, d_v=1),
    row((1,), (3, 2, 1), 8, 4),
    row((1,), (1, 1, 1, 1, 1), 16, 4),
    row((2,), (1, 1, 1), 4, 1, biases=True, max_length=3),
    row((2,), (1, 1, 1), 4, 2, window=2),
    row((), (4, 1, 1), 4, 2, window=2),
    row((2,), (1, 2, 1), 4, 2, window=1),
    row((2,), (1, 1), 8, 2, rotary_base=10000.0),
    row((1,), (2, 1, 1), 8, 2, rotary_base=100.0, layout="halves", max_length=6),
    row((), (1, 1, 1), 8, 2, rotary_base=10000.0, window=2, max_length=5, layout="interleaved"),
    row((2,), (1, 1, 1), 8, 2, rotary_base=100.0, window=2, layout="halves", biases=True),
    row((), (16, 1, 1), 2, 1, outgrows=True),
    row((1,), (33, 1, 31), 4, 2, reach="tile"),
    row((2,), (300, 1), 4, 2, window=5, rotary_base=10000.0, reach="long"),
    row((1,), (1, 1), 64, 1, kernel=True),
    row((2,), (1, 1, 1), 128, 2, max_length=4, kernel=True),
)
LARGE = (row((1,), (520, 1), 4, 2),)
"""More positions than are reserved at first."""
PLAIN = tuple(r for r in ROWS if not r.get("reorder"))
SINGLE = tuple(r for r in PLAIN if set(r["steps"]) == {1})
RESERVED = tuple(r for r in SINGLE if "max_length" in r)
SHORT = tuple(r for r in PLAIN if not r.get("outgrows"))


def draw(recipe: Draw) -> Case:
    """One sequence of any kind of values, cut into steps; in some sizes its batch is reordered on the way."""
    x = sequence(recipe, "x")
    script = pieces(x, np.cumsum(recipe["steps"])[:-1])
    if recipe.get("reorder"):
        for i in range(recipe["reorder"]):
            script.insert(1 + 2 * i, ("reorder", 0, order(recipe, f"index {i}" if i else "index")))
    options = {name: recipe[name] for name in OPTIONS if recipe.get(name)}
    return with_script(Case((multi_head_attention.parameters(recipe), ()), options), script)


def sequence(recipe: Draw, name: str) -> np.ndarray:
    """All positions of one sequence, (..., L, d_model)."""
    return recipe.array(name, (*recipe["batch"], recipe["length"], recipe["d_model"]))


def order(recipe: Draw, name: str = "index") -> np.ndarray:
    """Which rows of the batch go on, some of them perhaps twice; never each in its place."""
    size = recipe["batch"][0]
    index = recipe.integers(name, (size,), 0, size)
    return recipe.permutation(name, size) if np.array_equal(index, np.arange(size)) else index


def pieces(x: np.ndarray, cuts: Any, number: int = 0) -> list[tuple[Tree, ...]]:
    """The steps of one object that take a sequence, cut at these positions."""
    return [("step", number, part) for part in np.split(x, cuts, axis=-2)]


def with_script(case: Case, script: Any) -> Case:
    """The case with other steps, and what in them an object may leave out."""
    left_out = [CHUNK] if any(m == "step" and a[0].shape[-2] > 1 for m, _, *a in script) else []
    left_out += [REORDER] if any(method == "reorder" for method, *_ in script) else []
    return case.replacing(1, tuple(script)).but(extension=" and ".join(left_out))


SUBJECT = Subject(
    "cached_attention", ROWS, draw, batched={"script": 2}, top=for_scores(0.2), stack=True, form="object", large=LARGE
)
law = SUBJECT.law


def whole(case: Case) -> np.ndarray:
    """The sequence that all the steps of a case take together."""
    return np.concatenate([x for method, _, x in case.arguments[1] if method == "step"], axis=-2)


@dataclass(frozen=True)
class Rows:
    """What one step answered, or several: the rows of their positions, how far they may be off, and their scale."""

    value: np.ndarray
    bound: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, answer: Answer) -> list[Rows]:
        """Those of every step."""
        return [cls(value, truth.bound, truth.scale) for _, value, truth in answer.each()]

    @classmethod
    def all_of(cls, answer: Answer) -> Rows:
        """Those of all steps, one after the other."""
        steps = cls.of(answer)
        if not steps:
            raise NotJudged("no step is taken")
        columns = ([r.value for r in steps], [r.bound for r in steps], [r.scale for r in steps])
        return cls(*(np.concatenate(parts, axis=-2) for parts in columns))

    def last(self) -> Rows:
        """The row of the last position alone."""
        return Rows(self.value[..., -1:, :], self.bound[..., -1:, :], self.scale[..., -1:, :])

    def beside(self, comparison: str, other: Rows) -> Evidence:
        """Two answers for the same positions, within the two bounds."""
        allowed, scale = self.bound + other.bound, np.maximum(self.scale, other.scale)
        return relation(comparison, self.value, other.value, allowed, scale)


@law("One position after the other, the answers are the rows of the whole.", rows=SINGLE)
def steps_are_the_rows_of_the_whole(case: Case, experiment: Experiment) -> Evidence:
    """f(x_1), ..., f(x_L) are the rows of f(x): of its own answer to all of x at once; where it takes no chunk, of the
    certified multi_head_attention(x, x, params), causal."""
    x, steps = whole(case), Rows.all_of(experiment.ask(case))
    try:
        return steps.beside("rows of the whole", Rows.all_of(experiment.ask(with_script(case, pieces(x, ())))))
    except Asked:
        if not case.options.keys() <= {"n_heads", "max_length"}:
            raise NotJudged("it takes no chunk, and multi_head_attention knows neither windows nor rotations") from None
        options = {"n_heads": case.options["n_heads"], "causal": True}
        truth = experiment.truth_of(COMPONENTS["multi_head_attention"], Case((x, x, case.arguments[0]), options))
        certified = Rows(truth.ball.centres(), truth.bound, truth.scale)
        return steps.beside("rows of multi_head_attention", certified)


def draw_cuts(recipe: Draw) -> Case:
    """One sequence, and two ways of cutting it."""
    own, places = np.cumsum(recipe["steps"])[:-1], np.arange(1, recipe["length"])
    cuts = places[recipe.rng("cuts").random(len(places)) < 0.5]
    if np.array_equal(cuts, own):
        cuts = np.setxor1d(cuts, places[:1])
    return draw(recipe).but(extra={"cuts": cuts}, extension=CHUNK)


# not of the long one: its pieces would have many lengths, and each is compiled by itself
@law("It does not matter into how many pieces a sequence is cut.", rows=SHORT, draw=draw_cuts)
def chunks_of_any_sizes_give_the_same(case: Case, experiment: Experiment) -> Evidence:
    """A prefix and then the rest, position by position, or any other pieces: the same rows."""
    x, cuts = whole(case), case.extra["cuts"]
    other = with_script(case, pieces(x, cuts[cuts < x.shape[-2]]))
    one, first = (Rows.all_of(experiment.ask(asked)) for asked in (other, case))
    return one.beside("rows for the pieces of the first cut", first)


def draw_two(recipe: Draw) -> Case:
    """Two sequences, one position of each by turns, each into an object of its own."""
    case = draw(recipe)
    places = np.arange(1, recipe["length"])
    one, other = (pieces(sequence(recipe, name), places, number) for number, name in enumerate(("x", "other")))
    return with_script(case, [step for turn in zip(one, other, strict=True) for step in turn])


@law("Two sequences decoded by turns do not see each other.", rows=SINGLE, draw=draw_two)
def two_sequences_by_turns_do_not_see_each_other(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """Each object answers what it answers when it is alone."""
    script = case.arguments[1]
    together = Rows.of(experiment.ask(case))
    evidence = []
    for number in sorted({step[1] for step in script}):
        places = [place for place, step in enumerate(script) if step[1] == number]
        alone = Rows.of(experiment.ask(with_script(case, [script[place] for place in places])))
        for place, own in zip(places, alone, strict=True):
            evidence.append(together[place].beside(f"answer {place} of object {number} alone", own))
    return tuple(evidence)


def draw_reorder(recipe: Draw) -> Case:
    """One batch of sequences, reordered between two of its steps."""
    case = draw(recipe)
    script = list(case.arguments[1])
    place = int(recipe.integers("place", (), 1, len(script)))
    return with_script(case, [*script[:place], ("reorder", 0, order(recipe)), *script[place:]])


BATCHES = (row((3,), (1, 1), 2, 1), row((2,), (1, 1, 1), 4, 2, biases=True), row((3,), (1, 1, 1), 4, 2, max_length=3))


@law("After reorder(index), each row goes on as the row that index names.", rows=BATCHES, draw=draw_reorder)
def reordering_is_decoding_the_reordered_sequences(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """steps of x, reorder(index), steps of y: the answers to y are those after the steps of x[index]."""
    script = case.arguments[1]
    place = next((place for place, step in enumerate(script) if step[0] == "reorder"), len(script))
    before, after = script[:place], script[place + 1 :]
    if not before or not after:
        raise NotJudged("there is nothing to reorder, or nothing after it")
    index = script[place][2]
    fresh = with_script(case, [*(("step", number, x[index]) for _, number, x in before), *after])
    went_on, began_so = (Rows.of(experiment.ask(asked))[len(before) :] for asked in (case, fresh))
    pairs = zip(went_on, began_so, strict=True)
    return tuple(one.beside("answer for the reordered sequences", other) for one, other in pairs)


@law("An answer stays what it was when later steps follow.", rows=PLAIN)
def later_steps_leave_earlier_answers_alone(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """The n-th answer of a script is the last one of its first n steps."""
    script = case.arguments[1]
    if len(script) < 2:
        raise NotJudged("nothing follows")
    answers = Rows.of(experiment.ask(case))
    firsts = [Rows.of(experiment.ask(with_script(case, script[:n])))[-1] for n in range(1, len(script))]
    pairs = enumerate(zip(answers, firsts, strict=False))
    return tuple(answer.beside(f"answer {n} when it was the last", last) for n, (answer, last) in pairs)


WINDOWED = tuple(r for r in SHORT if r.get("window"))


def draw_old(recipe: Draw) -> Case:
    """A case with a window, and other positions for those that the last one does not see."""
    case = draw(recipe)
    gone = max(recipe["length"] - recipe["window"], 0)
    return case.but(extra={"other": sequence(recipe, "other")[..., :gone, :]})


@law("What is further back than the window does not matter.", rows=WINDOWED, draw=draw_old, needs=("window",))
def what_is_beyond_the_window_is_forgotten(case: Case, experiment: Experiment) -> Evidence:
    """With window=w the answer at position i is the same, whatever the positions up to i - w were."""
    x, other = whole(case), case.extra["other"]
    gone = other.shape[-2]
    if not gone or case.options["window"] > x.shape[-2] - gone:
        raise NotJudged("every position sees them all")
    cuts = np.cumsum([len_of(step) for step in case.arguments[1]])[:-1]
    changed = with_script(case, pieces(np.concatenate([other, x[..., gone:, :]], axis=-2), cuts))
    one, first = (Rows.of(experiment.ask(asked))[-1] for asked in (changed, case))
    return one.last().beside("last answer after other beginnings", first.last())


def len_of(step: tuple[Tree, ...]) -> int:
    """How many positions a step takes."""
    return int(step[2].shape[-2])


def without_limit(case: Case) -> Case:
    """The case without max_length."""
    return case.but(options={name: value for name, value in case.options.items() if name != "max_length"})


@law("How much room is reserved does not matter.", rows=RESERVED, needs=LIMIT)
def reserved_room_changes_nothing(case: Case, experiment: Experiment) -> Evidence:
    """f with max_length, as long as the sequence or longer, is f without."""
    reserved, unlimited = (Rows.all_of(experiment.ask(asked)) for asked in (case, without_limit(case)))
    return reserved.beside("answers without a limit", unlimited)


def draw_beyond(recipe: Draw) -> Case:
    """One sequence, and room for all of it but the last position."""
    case = draw(recipe)
    return case.but(options={**case.options, "max_length": recipe["length"] - 1})


@law(
    "Beyond max_length it refuses, or goes on as if there were no limit.", rows=RESERVED, draw=draw_beyond, needs=LIMIT
)
def never_forgets_in_silence_beyond_max_length(case: Case, experiment: Experiment) -> tuple[Evidence, ...]:
    """An exception, whichever, or f without max_length; never a sequence of which something is lost."""
    unlimited = experiment.ask(without_limit(case))
    try:
        reply = experiment.ask(case).reply
    except Asked:
        return (differing("answer beyond max_length", "refused", "refused"),)
    pairs = zip(Rows.of(Answer(unlimited.question, reply, experiment.truths)), Rows.of(unlimited), strict=True)
    return tuple(beyond.beside("answer without a limit", free) for beyond, free in pairs)


INQUIRIES = ()
