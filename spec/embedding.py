"""embedding: each token's row of a table, scaled."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Honest, component, require
from veriformer.spec.numbers import Tape, number


@component(
    source="Vaswani et al. 2017, section 3.4",
    honest=(
        Honest("look the row up, then scale it", "torch.nn.Embedding"),
        Honest("a one-hot matrix times the table", "the formula as a product"),
        Honest(
            "the gradients of a row are added to it in place, in the dtype itself",
            "torch.nn.Embedding and jnp.take on CPU",
        ),
    ),
)
def embedding(tokens: Any, table: Any, *, scale: float = 1.0, padding_idx: int | None = None) -> Any:
    """embedding(tokens) = scale * table[tokens]; the paper's scale is sqrt(d_model).

    tokens (..., L), integers in 0 ... vocabulary - 1. table (vocabulary, d_model). Returns (..., L, d_model). The
    gradient of each use of a row is added to that row; row `padding_idx` gets none.
    Corners: a lookup: a row of the table that is no number is answered where its token stands, and nowhere else.
    Raises ValueError for a token outside the table.
    """
    tokens = np.asarray(tokens)
    inside = tokens.size == 0 or (tokens.min() >= 0 and tokens.max() < table.shape[0])
    require(inside, f"tokens must be rows of the table, 0 to {table.shape[0] - 1}")
    rows = table[tokens]
    if padding_idx is not None and isinstance(table, Tape):
        rows = np.where((tokens == padding_idx)[..., None], table.value[tokens], rows)
    return rows * number(scale, like=table)


@embedding.slip("no scale")
def not_scaled(tokens: Any, table: Any, **options: Any) -> Any:
    return embedding(tokens, table, **{**options, "scale": 1.0})


@embedding.slip("a gradient for the padding row too")
def padding_learns(tokens: Any, table: Any, **options: Any) -> Any:
    return embedding(tokens, table, **{**options, "padding_idx": None})


@embedding.slip("zeros for the padding token")
def padding_answers_zero(tokens: Any, table: Any, **options: Any) -> Any:
    rows = embedding(tokens, table, **options)
    padding = np.asarray(tokens == options.get("padding_idx"))[..., None]
    return np.where(padding, number(0, like=table), rows)
