"""Laws of silu."""

from __future__ import annotations

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import power
from veriformer.properties.relu import ROWS, below_the_rectifier, draw, mirrored

SUBJECT = Subject("silu", ROWS, draw, batched={"x": 1}, top=power(0.9), differentiable=True)
law = SUBJECT.law


@law("What passes of x, less what passes of -x, is x.")
def the_two_halves_make_the_whole(case: Case, experiment: Experiment) -> Evidence:
    """f(x) - f(-x) = x, since the sigmoids of x and -x sum to 1."""
    return mirrored(case, experiment)


@law("No more passes than a rectifier lets through.")
def never_exceeds_the_rectifier(case: Case, experiment: Experiment) -> Evidence:
    """f(x) <= max(x, 0)."""
    return below_the_rectifier(case, experiment)


INQUIRIES = ()
