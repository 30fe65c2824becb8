"""Laws of sinusoidal_positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.experiment import Experiment
from veriformer.properties.law import Case, Evidence, NotJudged, Subject, relation
from veriformer.properties.probes import Draw, numpy_dtype
from veriformer.spec.numbers import Ball, working_precision
from veriformer.spec.sinusoidal_positions import log_rates

ROWS: tuple[dict[str, Any], ...] = (
    {"length": 2, "d_model": 2},
    {"length": 3, "d_model": 4},
    {"length": 5, "d_model": 6},
    {"length": 1, "d_model": 8},
    {"length": 4, "d_model": 5},
    {"length": 33, "d_model": 16},
    {"length": 300, "d_model": 8},
    {"length": 3, "d_model": 1},
    {"length": 65, "d_model": 31, "reach": "tile"},
    {"length": 1025, "d_model": 2, "reach": "long"},
    {"length": 3, "d_model": 769, "reach": "long"},
)


def draw(recipe: Draw) -> Case:
    """A length, a width, and an empty array that says which dtype is wanted."""
    return Case((recipe["length"], recipe["d_model"]), {"like": np.zeros(0, dtype=numpy_dtype(recipe.dtype))})


SUBJECT = Subject("sinusoidal_positions", ROWS, draw, kinds=("normal",), large=({"length": 5001, "d_model": 2},))
law = SUBJECT.law
PAIRED = tuple(r for r in ROWS if r["d_model"] % 2 == 0)


@law("Position 0 is (0, 1, 0, 1, ...).")
def the_first_row_is_zeros_and_ones(case: Case, experiment: Experiment) -> Evidence:
    """sin 0 = 0 and cos 0 = 1."""
    answer = experiment.ask(case)
    d_model = answer.value.shape[-1]
    width = d_model - d_model % 2 if experiment.conventions.get("odd_d_model") == "zero_column" else d_model
    wanted = np.resize([0.0, 1.0], width)
    if experiment.conventions.get("arrangement") == "concatenated":
        wanted = np.arange(width) >= (width + 1) // 2
    wanted = np.concatenate([wanted, np.zeros(d_model - width)])
    return relation("first row", answer.value[0], wanted, answer.bound[0], 1.0)


def pairs(values: np.ndarray, experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Sines and cosines."""
    if experiment.conventions.get("arrangement") == "concatenated":
        half = values.shape[-1] // 2
        return values[..., :half], values[..., half:]
    return values[..., ::2], values[..., 1::2]


@law("Each pair of sine and cosine lies on the unit circle.", rows=PAIRED)
def pairs_have_length_one(case: Case, experiment: Experiment) -> Evidence:
    """sin^2 + cos^2 = 1, with the errors of both, at the certified s and c: 2 |s| B_s + 2 |c| B_c + B_s^2 + B_c^2."""
    answer = experiment.ask(case)
    (sine, cosine), (b_s, b_c) = pairs(answer.value, experiment), pairs(answer.bound, experiment)
    true_sine, true_cosine = (np.abs(part) for part in pairs(answer.truth.ball.centres(), experiment))
    got = sine * sine + cosine * cosine
    own = 2.0**-50  # the squares and their sum, near 1, in float64
    allowed = 2 * true_sine * b_s + 2 * true_cosine * b_c + b_s**2 + b_c**2 + own
    return relation("squared length", got, np.ones(got.shape), allowed, 1.0)


@law("Going on by k positions is a rotation that depends on k alone.", rows=tuple(r for r in PAIRED if r["length"] > 1))
def a_shift_is_a_rotation(case: Case, experiment: Experiment) -> tuple[Evidence, Evidence]:
    """(s, c)(p + k) = R(k w) (s, c)(p), with R certified: sin(a + b) = sin a cos b + cos a sin b."""
    length, d_model = case.arguments
    k = max(length // 2, 1)
    answer = experiment.ask(case)
    with working_precision(128):
        exponent = experiment.conventions.get("exponent", "2i/d_model")
        angle = np.exp(-log_rates(d_model // 2, d_model, exponent, like=Ball(0))) * k
        sin_k, cos_k = np.sin(angle).centres(), np.cos(angle).centres()
    (sine, cosine), (b_s, b_c) = pairs(answer.value, experiment), pairs(answer.bound, experiment)
    own = 2.0**-50  # four roundings of numbers at most 1, and the rounded rotation, in float64
    spread = np.abs(cos_k) * b_s[:-k] + np.abs(sin_k) * b_c[:-k] + own
    spread_c = np.abs(cos_k) * b_c[:-k] + np.abs(sin_k) * b_s[:-k] + own
    turned_sine = sine[:-k] * cos_k + cosine[:-k] * sin_k
    turned_cosine = cosine[:-k] * cos_k - sine[:-k] * sin_k
    return (
        relation("rotated sines", sine[k:], turned_sine, spread + b_s[k:], 1.0),
        relation("rotated cosines", cosine[k:], turned_cosine, spread_c + b_c[k:], 1.0),
    )


def draw_longer(recipe: Draw) -> Case:
    """A case and a longer length."""
    return draw(recipe).but(extra={"longer": recipe["length"] + 3})


@law("A longer table begins with the shorter one.", draw=draw_longer)
def a_longer_table_begins_with_the_shorter(case: Case, experiment: Experiment) -> Evidence:
    """f(L + 3)[:L] = f(L)."""
    length, d_model = case.arguments
    if not length:
        raise NotJudged("no rows")
    short, long = experiment.ask(case), experiment.ask(case.but(arguments=(case.extra["longer"], d_model)))
    return relation("shorter table", long.value[:length], short.value, long.bound[:length] + short.bound, 1.0)


INQUIRIES = ()
