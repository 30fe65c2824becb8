"""Chance: what an honest generator may do. Exact binomial tails, for experiments whose size is fixed beforehand."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, bdtrc

from veriformer.properties.law import Evidence

FALSE_ALARM = 1e-9
"""How probable it may be that any statistic of an honest implementation is accused, in one dtype on one device."""


def limits(trials: int, least: float, most: float, level: float) -> tuple[int, int]:
    """The fewest and the most successes that are not accused, where a success has a probability from `least` to `most`.

    Whatever it is there, fewer come with probability at most level / 2, and more with at most level / 2: the distribution
    of the count rises with the probability, so each tail is largest at its own end.
    """
    counts = np.arange(trials + 1)
    fewest = np.searchsorted(bdtr(counts, trials, least), level / 2)
    return int(fewest), int(np.argmax(bdtrc(counts, trials, most) <= level / 2))


def power(true: float, trials: int, least: float, most: float, level: float) -> float:
    """With which probability is a generator accused whose successes have the probability `true`?"""
    fewest, highest = limits(trials, least, most, level)
    too_few = bdtr(fewest - 1, trials, true) if fewest else 0.0
    return float(too_few + bdtrc(highest, trials, true))


def counted(
    comparison: str, successes: int, trials: int, probable: tuple[float, float, float], level: float
) -> Evidence:
    """A count beside the limits of chance. probable: the probability of a success as stated, and from where to where it
    may be. The difference from the mean is the observation, that of the limit on its side what is allowed."""
    stated, least, most = probable
    fewest, highest = limits(trials, least, most, level)
    mean = trials * stated
    allowed = highest - mean if successes > mean else mean - fewest
    return Evidence(
        comparison,
        np.array([abs(successes - mean)]),
        np.array([allowed]),
        got=f"{successes} of {trials}, a share of {successes / trials:.4f}",
        wanted=f"{fewest} to {highest}, about {stated:.4g} of them",
    )


def agreeing(keep: tuple[float, float, float]) -> tuple[float, float, float]:
    """The probability p^2 + (1 - p)^2 that two independent numbers are both kept or both dropped, for p, and for p from
    least to most: it is smallest nearest to 1/2, and largest at an end."""
    stated, least, most = keep
    lowest = min(max(least, 0.5), most)

    def both(p: float) -> float:
        return p * p + (1 - p) * (1 - p)

    return both(stated), both(lowest), max(both(least), both(most))
