"""gradient_accumulation: the gradient of a large batch from the gradients of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from veriformer.spec.bounds import gradient_accumulation as bound
from veriformer.spec.component import Honest, component, require
from veriformer.spec.gradient_descent import same_names
from veriformer.spec.numbers import bounded_by, number
from veriformer.spec.slip import Part


@Part
@bounded_by(bound.forward)
def mean_over(parts: Any, total: Any) -> Any:
    """The sum of the parts, each of them a sum already, over the count of all examples."""
    return parts.sum(0) / total


@component(
    source="the mean of a batch is the sum of its parts' sums over the sum of their counts",
    honest=(
        Honest("sums first, one division at the end, any order", "the formula itself"),
        Honest("each part divided by the whole count, then added", "the loss of each part scaled before its gradient"),
        Honest("products with the reciprocal of the count", "the same"),
    ),
)
def gradient_accumulation(gradient_sums: Sequence[dict[str, Any]], counts: Sequence[int]) -> dict[str, Any]:
    """gradient_accumulation(s, n) = sum_i s_i / sum_i n_i, for every name.

    gradient_sums: for each micro-batch name -> array, the sum of its examples' (or tokens') gradients. counts: how many
    each summed, whole numbers from 0. Returns one array for each name. It is not the mean of the micro-batches' means, which
    differs where counts do.
    Raises ValueError when there is no micro-batch, their names, shapes or numbers differ, or nothing was counted.
    """
    require(len(gradient_sums) > 0, "no micro-batch: there is nothing to add up")
    require(len(gradient_sums) == len(counts), f"{len(gradient_sums)} micro-batches and {len(counts)} counts")
    require(all(count >= 0 for count in counts), f"counts {list(counts)}: none may be negative")
    require(sum(counts) > 0, f"counts {list(counts)}: nothing was counted")
    same_names(*gradient_sums)
    stacked = {name: np.stack([part[name] for part in gradient_sums]) for name in gradient_sums[0]}
    return {name: mean_over(parts, number(sum(counts), like=parts)) for name, parts in stacked.items()}


@gradient_accumulation.slip("the mean of the micro-batches' means")
def mean_of_means(gradient_sums: Sequence[dict[str, Any]], counts: Sequence[int]) -> dict[str, Any]:
    kept = [(part, n) for part, n in zip(gradient_sums, counts, strict=True) if n]
    means = [{name: g / number(n, like=g) for name, g in part.items()} for part, n in kept]
    return gradient_accumulation(means, [1] * len(means))


@gradient_accumulation.slip("a division by the number of micro-batches, not of examples")
def over_the_micro_batches(gradient_sums: Sequence[dict[str, Any]], counts: Sequence[int]) -> dict[str, Any]:
    return gradient_accumulation(gradient_sums, [1] * len(counts))


@gradient_accumulation.slip("no division: the sum of the sums")
def not_divided(gradient_sums: Sequence[dict[str, Any]], counts: Sequence[int]) -> dict[str, Any]:
    return gradient_accumulation(gradient_sums, [1] + [0] * (len(counts) - 1))
