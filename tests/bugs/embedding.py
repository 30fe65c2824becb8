"""Bugs of token embeddings."""

from __future__ import annotations

import numpy as np

from tests.bugs.bug import Bug
from veriformer.impls.numpy.embedding import embedding, embedding_vjp

Array = np.ndarray

EM01 = Bug(
    "EM01",
    "embedding",
    "https://github.com/pytorch/pytorch/issues/1528",
    "Of a token that occurs twice the gradient of the last occurrence alone survives.",
)
EM01.in_numpy()(embedding)


@EM01.vjp
def last_one_wins(
    cotangent: Array, tokens: Array, table: Array, *, scale: float = 1.0, padding_idx: int | None = None
) -> tuple[Array]:
    d_table = np.zeros_like(table)
    d_table[tokens] = scale * cotangent
    if padding_idx is not None:
        d_table[padding_idx] = 0
    return (d_table,)


EM03 = Bug(
    "EM03",
    "embedding",
    "https://github.com/pytorch/pytorch/issues/3506",
    "The path of sparse gradients, sparse=True, does not know of padding_idx.",
)
EM03.in_numpy()(embedding)


@EM03.vjp
def sparse(
    cotangent: Array, tokens: Array, table: Array, *, scale: float = 1.0, padding_idx: int | None = None
) -> tuple[Array]:
    return embedding_vjp(cotangent, tokens, table, scale=scale)


EM04 = Bug(
    "EM04",
    "embedding",
    "https://github.com/pytorch/pytorch/issues/53368",
    "The padding token becomes zeros, whatever its row of the table holds.",
)


@EM04.in_numpy()
def padding_is_zero(tokens: Array, table: Array, *, scale: float = 1.0, padding_idx: int | None = None) -> Array:
    rows = embedding(tokens, table, scale=scale)
    return rows if padding_idx is None else np.where((tokens == padding_idx)[..., None], 0, rows)


EM06 = Bug(
    "EM06",
    "embedding",
    "https://github.com/TensorAuto/OpenTau/pull/179",
    "The layer scales by sqrt(d_model), and so does who calls it.",
)


@EM06.in_numpy()
def scaled_twice(tokens: Array, table: Array, *, scale: float = 1.0) -> Array:
    return scale * embedding(tokens, table, scale=scale)


BUGS = (EM01, EM03, EM04, EM06)
