"""learned_positions: a table with one learned row for each position."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Honest, component, require


@component(
    source="Vaswani et al. 2017, section 3.5; Gehring et al. 2017",
    honest=(Honest("the first rows of the table", "the formula itself"),),
)
def learned_positions(length: int, table: Any) -> Any:
    """PE(p) = table[p], p = 0, ..., length - 1.

    table (max_length, d_model). Returns (length, d_model); the gradient of a row goes to that row, other rows get 0.
    Raises ValueError when the table is too short.
    """
    require(0 <= length <= table.shape[0], f"length {length}: the table has rows for 0 to {table.shape[0]} positions")
    return table[:length]
