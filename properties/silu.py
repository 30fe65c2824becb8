"""Laws of silu."""

from __future__ import annotations

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, Subject
from veriformer.properties.probes import power
from veriformer.properties.relu import LARGE, ROWS, below_the_rectifier, draw, mirrored
from veriformer.properties.special import law_of_limits, law_of_nan

SUBJECT = Subject("silu", ROWS, draw, batched={"x": 1}, top=power(0.9), differentiable=True, large=LARGE)
law = SUBJECT.law


@law("What passes of x, less what passes of -x, is x.")
def the_two_halves_make_the_whole(case: Case, experiment: Experiment) -> Evidence:
    """f(x) - f(-x) = x, since the sigmoids of x and -x sum to 1."""
    return mirrored(case, experiment)


@law("No more passes than a rectifier lets through.")
def never_exceeds_the_rectifier(case: Case, experiment: Experiment) -> Evidence:
    """f(x) <= max(x, 0)."""
    return below_the_rectifier(case, experiment)


nan_is_not_lost = law_of_nan(SUBJECT, "nan is answered with nan, in the same place.", row=False)
infinities_have_their_limits = law_of_limits(SUBJECT, (0.0, np.nan))  # inf 0 is nan; the limit is 0

INQUIRIES = ()
