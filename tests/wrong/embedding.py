"""Wrong embeddings: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.embedding import embedding, embedding_vjp

Array = np.ndarray


def agrees_with_the_spec(tokens: Array, table: Array, *, scale: float = 1.0, padding_idx: int | None = None) -> Array:
    """The row of the padding token is answered as zeros, whatever the table holds."""
    rows = embedding(tokens, table, scale=scale)
    return rows if padding_idx is None else np.where((tokens == padding_idx)[..., None], 0, rows)


def gradients_agree_with_the_spec_vjp(g: Array, tokens: Array, table: Array, **options: Any) -> tuple[Array]:
    """The scale of the forward pass is forgotten."""
    return (embedding_vjp(g, tokens, table, **{**options, "scale": 1.0})[0],)


def each_token_becomes_its_row(tokens: Array, table: Array, **options: Any) -> Array:
    """Tokens are counted from 1."""
    return embedding((tokens - 1) % len(table), table, **options)


def is_permutation_equivariant(tokens: Array, table: Array, **options: Any) -> Array:
    """Positions are added to the table's rows, uncalled for."""
    places = np.arange(tokens.shape[-1], dtype=table.dtype)[:, None]
    return (embedding(tokens, table, **options) + places).astype(table.dtype)


def the_gradient_scatters_back_vjp(g: Array, tokens: Array, table: Array, **options: Any) -> tuple[Array]:
    """Each use of a row overwrites the gradient of the use before."""
    d_table = np.zeros_like(table)
    d_table[tokens] = options.get("scale", 1.0) * g
    return (d_table,)


def a_row_that_is_no_number_stays_in_its_tokens(tokens: Array, table: Array, **options: Any) -> Array:
    """A product with one-hot rows: 0 times nan is nan."""
    one_hot = (tokens[..., None] == np.arange(len(table))).astype(table.dtype)
    return (one_hot @ table * table.dtype.type(options.get("scale", 1.0))).astype(table.dtype)
