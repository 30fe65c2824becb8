"""Drawn: the cases of a law, each drawn once for all implementations, without the keywords that one of them does not offer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from veriformer.impls.protocol import COTANGENT, Offer
from veriformer.properties.formula import Question
from veriformer.properties.law import Case, Law, NotJudged
from veriformer.properties.probes import Draw
from veriformer.properties.settle import Settled
from veriformer.spec import in_form
from veriformer.spec.numbers.precision import precision_of


@dataclass
class Drawn:
    """The cases of the law in hand, each drawn once: all implementations meet the same ones."""

    law: Law | None = None
    known: dict[int, tuple[Draw, Case | None]] = field(default_factory=dict)

    def of(self, law: Law, draw: Draw) -> Case | None:
        """The case of a draw; None where the law has nothing to say."""
        if law is not self.law:
            self.law, self.known = law, {}
        if draw.seed not in self.known or self.known[draw.seed][0] != draw:
            try:
                case = law.draw(draw)
            except NotJudged:
                case = None
            self.known[draw.seed] = (draw, case)
        return self.known[draw.seed][1]


DRAWN = Drawn()


def drawn(law: Law, draw: Draw, offer: Offer, settled: Settled) -> Case | None:
    """The case of a draw, without keywords that are not offered; None where the law has nothing to say."""
    case = DRAWN.of(law, draw)
    if case is None:
        return None
    recipe = {"row": law.rows.index(draw.row), "kind": draw.kind, "seed": draw.seed}
    heard = case.but(options={n: value for n, value in case.options.items() if offer.takes(n)}, recipe=recipe)
    return heard if len(heard.options) == len(case.options) or still_fits(heard, law, settled) else None


def still_fits(case: Case, law: Law, settled: Settled) -> bool:
    """With some keywords not passed, has the formula an answer still, and one that the cotangent fits? To targets that are
    ignored it has none without the index, and a mean is no array."""
    spec = in_form(law.component, law.form)
    conventions = {name: value for name, value in settled.values.items() if name in spec.signature.parameters}
    options = {name: value for name, value in case.options.items() if name not in conventions}
    question = Question(spec, case.arguments, options, conventions, precision_of("float64"), case.aliases)
    try:
        answer = question.in_floats()
    except ValueError:
        return False
    return COTANGENT not in case.extra or np.shape(answer) == case.extra[COTANGENT].shape
