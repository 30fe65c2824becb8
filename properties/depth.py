"""Depth: whole stacks, deeper than a worst-case bound can follow, judged end to end by a bound on independent errors.

What is judged in this way is the wiring of many layers together: that each has its own weights, norms and residuals. The
layers themselves are judged by their own laws, with bounds that assume nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties import decoder, decoder_layer, encoder, encoder_layer, language_model, transformer
from veriformer.properties.experiment import Experiment, Misshapen
from veriformer.properties.formula import Question
from veriformer.properties.law import Case, Evidence, Law, Subject
from veriformer.properties.probes import Row
from veriformer.properties.truth import Truth, place
from veriformer.spec.numbers import Local, Tape, sigma_bound

KINDS = ("normal", "integers", "orthogonal")
"""Ordinary activations: what stands at the ends of the range is for the laws of single components."""
SENTENCE = "Many layers together answer as the formula does, if their roundings are independent and unbiased."


def deep_truth(question: Question) -> Truth:
    """The certified output of a component that answers one array, under the bound of independent local errors."""
    precision = question.precision
    arguments, _ = question.lifted(lambda array: Tape(Local.given(array, precision)))
    _, options = question.lifted(lambda array: Local.given(array, precision))
    with np.errstate(all="ignore"):
        output = question.component(*arguments, **options, **question.conventions)
        ((_, truth),) = question.outputs()
        truth.bound, truth.layer = sigma_bound(output), None
    return truth


def holds_end_to_end_at_depth(case: Case, experiment: Experiment) -> Evidence:
    """|f(x) - F(x)| <= sqrt(2 ln(2 N / 1e-9)) sigma, sigma^2 the sum of the squares of all local bounds, carried to the end."""
    answer = experiment.ask(case)
    question = experiment.question(case)
    ((path, truth),) = experiment.truths.of(question.key + b"deep", lambda: [((), deep_truth(question))])
    try:
        got = answer.output(path)
    except Misshapen as misshapen:
        return misshapen.evidence
    return truth.evidence(f"{place(path)}, within the bound of independent errors", got)


def law_of_depth(subject: Subject, *rows: Row) -> Law:
    """The law, for one kind of stack."""
    return subject.law(SENTENCE, rows=rows, kinds=KINDS, dear=True)(holds_end_to_end_at_depth)


def whole(layers: int) -> tuple[Any, ...]:
    """So many layers, with nothing switched off."""
    return ((),) * layers


encoder_at_depth = law_of_depth(encoder.SUBJECT, encoder_layer.row((), 3, 4, 4, 2, layers=whole(6)))
decoder_at_depth = law_of_depth(
    decoder.SUBJECT, decoder_layer.row((), 2, 3, 4, 4, 2, layers=whole(4), norm="pre", final_norm=True)
)
transformer_at_depth = law_of_depth(
    transformer.SUBJECT, transformer.row((), 2, 3, 5, 4, 2, encoder=whole(3), decoder=whole(3), output=True)
)
language_model_at_depth = law_of_depth(
    language_model.SUBJECT, language_model.row((), 3, 5, 4, 2, layers=whole(4), norm="pre", final_norm=True)
)
