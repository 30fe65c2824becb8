"""The gradient of a batch from its micro-batches, in JAX."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from veriformer.impls import domain


def gradient_accumulation(gradient_sums: Sequence[dict[str, jax.Array]], counts: Sequence[int]) -> dict[str, jax.Array]:
    """The sum of the micro-batches' gradient sums over the sum of their counts, for every name.

    Each count says how many examples (or tokens) its sum is made of. The mean of the micro-batches' means would be another
    number wherever the counts differ.
    """
    domain.micro_batches(gradient_sums, counts)
    return _mean(list(gradient_sums), sum(counts))


@jax.jit
def _mean(gradient_sums: list[dict[str, jax.Array]], total: jax.Array) -> dict[str, jax.Array]:
    return {name: sum(part[name] for part in gradient_sums) / total for name in gradient_sums[0]}
