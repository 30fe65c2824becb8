"""What is left to chance is put to tests of fixed size: their limits are exact, their power is what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from veriformer.impls.numpy import impl as honest
from veriformer.impls.numpy.apply_dropout import apply_dropout
from veriformer.impls.protocol import Call, Implementation
from veriformer.impls.worker import open_door
from veriformer.properties import INQUIRIES, LAWS, chance
from veriformer.properties.dropout import LEVEL, NUMBERS, RATES, STATISTICS
from veriformer.properties.judge import fits, judge
from veriformer.properties.menu import Budget
from veriformer.properties.settle import settle
from veriformer.record import Record, Verdict

Array = np.ndarray
STATISTICAL = [law for laws in LAWS.values() for law in laws if law.statistical]
OF_TWO = {
    "seeds_draw_independently",
    *(f"{what}_are_drawn_independently" for what in ("positions", "heads", "examples")),
}
"""Laws of two statistics for each rate."""
POWER = {
    (0.1, 0.12): 1 - 1e-15,
    (0.1, 0.11): 0.95,
    (0.1, 0.105): 0.007,
    (0.5, 0.52): 0.999,
    (0.5, 0.51): 0.05,
}
"""(rate asked for, rate drawn) -> the probability with which it is found, at least."""


def verdict(implementation: Implementation, name: str, budget: Budget | None = None) -> Record:
    """Of one law of dropout."""
    door = open_door(implementation, "float32", "cpu")
    (law,) = (law for law in LAWS["dropout"] if law.name == name)
    return judge(law, door, budget or Budget(), settled=settle(door, "dropout", INQUIRIES, fits))


def offering(drawn: Callable[[tuple[int, ...], float, int], Array], **conventions: Any) -> Implementation:
    """A dropout with masks of one's own."""
    impl = Implementation("own masks")

    @impl.component("dropout", **conventions)
    def dropout(x: Array, rate: float, seed: int, *, training: bool = True) -> Array:
        return apply_dropout(x, drawn(x.shape, rate, seed), rate) if training else x.copy()

    return impl


def test_every_statistic_is_counted() -> None:
    """1e-9 is divided over all of them."""
    assert {law.name for law in STATISTICAL} > OF_TWO
    assert sum(len(law.rows) * (2 if law.name in OF_TWO else 1) for law in STATISTICAL) == STATISTICS
    assert pytest.approx(chance.FALSE_ALARM) == LEVEL * STATISTICS
    assert {law.component for law in STATISTICAL} == {"dropout"}


@pytest.mark.parametrize("probability", [0.0, 0.02, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("trials", [1, 40, NUMBERS])
def test_limits_are_exact(trials: int, probability: float) -> None:
    """Each tail is at most half of the level, and would not be with one success less to spare."""
    fewest, most = chance.limits(trials, probability, probability, LEVEL)
    assert binom.cdf(fewest - 1, trials, probability) <= LEVEL / 2
    assert binom.sf(most, trials, probability) <= LEVEL / 2
    assert fewest == most or binom.cdf(fewest, trials, probability) > LEVEL / 2
    assert most == 0 or binom.sf(most - 1, trials, probability) > LEVEL / 2


def test_an_interval_admits_what_each_of_its_probabilities_does() -> None:
    whole = chance.limits(NUMBERS, 0.88, 0.92, LEVEL)
    inside = [chance.limits(NUMBERS, p, p, LEVEL) for p in np.linspace(0.88, 0.92, 9)]
    assert (min(low for low, _ in inside), max(high for _, high in inside)) == whole


def test_agreement_of_pairs_over_an_interval() -> None:
    """p^2 + (1 - p)^2 falls up to 1/2 and rises after it."""
    for least, most in [(0.1, 0.3), (0.4, 0.7), (0.6, 0.9)]:
        values = [p * p + (1 - p) * (1 - p) for p in np.linspace(least, most, 1001)]
        _, lowest, highest = chance.agreeing((least, least, most))
        assert lowest <= min(values) and max(values) <= highest
        assert (lowest, highest) == pytest.approx((min(values), max(values)), abs=1e-6)


@pytest.mark.parametrize(("asked", "drawn"), POWER)
def test_power_is_what_the_law_says(asked: float, drawn: float) -> None:
    keep = 1 - asked
    found = chance.power(1 - drawn, NUMBERS, keep - 2.0**-22, keep + 2.0**-22, LEVEL)
    assert found >= POWER[asked, drawn]
    assert chance.power(keep, NUMBERS, keep, keep, LEVEL) <= LEVEL


def test_a_tenth_of_shared_pairs_is_found_at_every_rate() -> None:
    for row in RATES:
        agree, *_ = chance.agreeing((1 - row["rate"],) * 3)
        assert chance.power(agree + 0.1 * (1 - agree), NUMBERS // 2, agree, agree, LEVEL) > 0.5


def test_rate_of_0_12_for_0_1_is_found_and_said() -> None:
    wrong = offering(lambda shape, rate, seed: np.random.default_rng(seed).random(shape) >= rate * 1.2)
    record = verdict(wrong, "keeps_at_the_stated_rate")
    assert record.verdict is Verdict.BROKEN
    assert re.search(r"a share of 0\.8[78]\d+, .*about 0\.9 of them", record.message)


def of_bytes(shape: tuple[int, ...], rate: float, seed: int) -> Array:
    """FlashAttention's way: a byte is kept up to the probability to keep, as a byte."""
    return np.asarray(np.random.default_rng(seed).integers(0, 256, shape) <= int((1 - rate) * 255))


def in_sixteenths(shape: tuple[int, ...], rate: float, seed: int) -> Array:
    return np.asarray(np.random.default_rng(seed).integers(0, 16, shape) >= round(rate * 16))


@pytest.mark.parametrize(("drawn", "declared"), [(of_bytes, "1/256"), (in_sixteenths, "1/16")])
@pytest.mark.parametrize("name", [law.name for law in STATISTICAL])
def test_declared_resolution_is_not_accused(drawn: Any, declared: str, name: str) -> None:
    record = verdict(offering(drawn, rate_resolution=declared), name)
    assert record.verdict is Verdict.HELD, record.message


def test_undeclared_sixteenths_are_found() -> None:
    assert verdict(offering(in_sixteenths), "keeps_at_the_stated_rate").verdict is Verdict.BROKEN


@pytest.mark.parametrize("law", STATISTICAL, ids=lambda law: law.name)
def test_statistical_law_is_asked_once_for_each_rate(law: Any) -> None:
    """However large the budget is."""
    record = verdict(honest, law.name, Budget(examples=50))
    assert (record.verdict, record.judged) == (Verdict.HELD, len(law.rows))


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_dropout_leaves_the_global_generators_alone(framework: str) -> None:
    torch = pytest.importorskip("torch")
    module = pytest.importorskip(f"veriformer.impls.{framework}")
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    door = open_door(module.impl, "float32", "cpu")
    reply = door.ask(Call("dropout", (np.ones((3, 4), np.float32), 0.5, 7)))
    assert reply.raised is None
    assert np.array_equal(before[0], np.random.get_state()[1])
    assert torch.equal(before[1], torch.get_rng_state())
