"""The gradient of a batch from its micro-batches, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veriformer.impls import domain


def gradient_accumulation(
    gradient_sums: Sequence[dict[str, np.ndarray]], counts: Sequence[int]
) -> dict[str, np.ndarray]:
    """The sum of the micro-batches' gradient sums over the sum of their counts, for every name.

    Each count says how many examples (or tokens) its sum is made of. The mean of the micro-batches' means would be another
    number wherever the counts differ.
    """
    domain.micro_batches(gradient_sums, counts)
    total = sum(counts)
    first, *others = gradient_sums
    return {name: sum((part[name] for part in others), first[name]) / total for name in first}
