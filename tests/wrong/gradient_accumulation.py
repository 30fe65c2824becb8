"""Wrong accumulations of gradients: each breaks the law that it is named after."""

from __future__ import annotations

import numpy as np

from veriformer.impls.numpy.gradient_accumulation import gradient_accumulation

Parts = list[dict[str, np.ndarray]]
Named = dict[str, np.ndarray]


def agrees_with_the_spec(gradient_sums: Parts, counts: list[int]) -> Named:
    """The mean of the micro-batches' means."""
    counted = [(part, n) for part, n in zip(gradient_sums, counts, strict=True) if n]
    return gradient_accumulation([{k: g / n for k, g in part.items()} for part, n in counted], [1] * len(counted))


def one_micro_batch_gives_its_mean(gradient_sums: Parts, counts: list[int]) -> Named:
    """The sum is not divided."""
    return gradient_accumulation(gradient_sums, [1] + [0] * (len(counts) - 1))


def joining_two_micro_batches_changes_nothing(gradient_sums: Parts, counts: list[int]) -> Named:
    """The sum is divided by the number of micro-batches."""
    return gradient_accumulation(gradient_sums, [1] * len(counts))


def ignores_the_order_of_micro_batches(gradient_sums: Parts, counts: list[int]) -> Named:
    """Every micro-batch is taken to be as large as the first."""
    return gradient_accumulation(gradient_sums, [max(counts[0], 1)] * len(counts))


def an_empty_micro_batch_changes_nothing(gradient_sums: Parts, counts: list[int]) -> Named:
    """A count of 0 becomes 1, against a division by zero."""
    return gradient_accumulation(gradient_sums, [max(n, 1) for n in counts])


def ignores_the_order_of_tensors(gradient_sums: Parts, counts: list[int]) -> Named:
    """Arrays are added one after the other, whatever their names, where the shapes allow it."""
    first = gradient_sums[0]
    shapes = [g.shape for g in first.values()]
    fit = [[g.shape for g in part.values()] == shapes for part in gradient_sums]
    renamed = [dict(zip(first, part.values(), strict=True)) for part in gradient_sums]
    return gradient_accumulation(renamed if all(fit) else gradient_sums, counts)


def splitting_a_tensor_changes_nothing(gradient_sums: Parts, counts: list[int]) -> Named:
    """The first array is divided by the number of arrays too."""
    answer = gradient_accumulation(gradient_sums, counts)
    first, *others = answer
    return {first: answer[first] / len(answer), **{name: answer[name] for name in others}}
