"""The gradient of a batch from its micro-batches, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from veriformer.impls import domain


def gradient_accumulation(
    gradient_sums: Sequence[dict[str, torch.Tensor]], counts: Sequence[int]
) -> dict[str, torch.Tensor]:
    """The sum of the micro-batches' gradient sums over the sum of their counts, for every name.

    Each count says how many examples (or tokens) its sum is made of. The mean of the micro-batches' means would be another
    number wherever the counts differ.
    """
    domain.micro_batches(gradient_sums, counts)
    total = sum(counts)
    return {name: sum(part[name] for part in gradient_sums) / total for name in gradient_sums[0]}
