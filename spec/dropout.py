"""dropout: numbers removed at random, each with the same probability, in training alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.apply_dropout import checked, thinned
from veriformer.spec.component import Convention, Honest, component, require

RATE_RESOLUTION = Convention(
    "rate_resolution",
    ("exact", "1/256", "1/16"),
    "The formula drops with probability `rate`; a generator of few bits cannot have every probability.",
    {
        "exact": "torch.nn.functional.dropout, jax.random.bernoulli: uniform numbers of 23 bits or more",
        "1/256": "FlashAttention: bytes are compared with the probability to keep, as a byte",
        "1/16": "some kernels of cuDNN's attention (PyTorch pull request 174245)",
    },
    default="exact",
)
"""How far the probability may be from 1 - rate; the factor of what is kept is 1 / (1 - rate) all the same."""


def kept_by(arguments: tuple[Any, ...], answer: Any) -> np.ndarray | None:
    """The mask that was drawn: what is kept is not 0. Where x is 0, kept and dropped are the same number."""
    x = arguments[0]
    if not isinstance(answer, np.ndarray) or answer.shape != x.shape:
        return None
    return np.asarray(answer != 0)


@component(
    source="Srivastava et al. 2014, section 4; scaled in training: section 10; in the Transformer: Vaswani et al. 2017, 5.4",
    honest=(
        Honest("any mask that the seed draws: it is read off the answer, and the rest judged given it", "see the laws"),
        Honest("x / (1 - rate), or x times 1 / (1 - rate), where kept", "see apply_dropout"),
    ),
    conventions=(RATE_RESOLUTION,),
    from_answer={"keep": kept_by},
    shows=lambda arguments: bool((arguments[0] != 0).all()),
)
def dropout(
    x: Any, rate: float, seed: int, *, training: bool = True, rate_resolution: str = "exact", keep: Any = None
) -> Any:
    """dropout(x) = x m / (1 - rate), each number m_i drawn by itself: 1 with probability 1 - rate, else 0.

    x (...): any numbers. rate: the share that is dropped, as the float that it is. seed: a whole number from 0; with x's
    shape it says which m is drawn, in the gradient too, whatever x holds. training=False: x itself.
    Nobody can say which m a generator draws. Of an answer to an x without zeros it is read off: m_i = 0 where the answer is
    0 (keep). Given m the answer and its gradient are certain, as for apply_dropout; that m is what the formula says is
    put to statistical laws, on many seeds.
    Corners: rate 0 gives x; rate 1 gives zeros, not 0 times infinity.
    Raises ValueError for a rate outside [0, 1], or a seed that is not a whole number from 0.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    require(whole and seed >= 0, f"seed {seed!r}: wanted a whole number from 0")
    everything = np.ones(x.shape, bool)
    m = checked(everything if keep is None else keep, x.shape, rate)
    return thinned(x, m, rate) if training and rate else thinned(x, everything, 0.0)
