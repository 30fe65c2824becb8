"""learned_positions: a table with one learned row for each position."""

from __future__ import annotations

from typing import Any

from veriformer.spec.component import Convention, Honest, component, require

OFFSET = Convention(
    "offset",
    (0, 1, 2),
    "Gehring et al. 2017: position p has row p.",
    {
        0: "BERT, GPT-2",
        1: "tables whose row 0 is padding",
        2: "OPT and BART: fairseq's padding_idx + 1 with padding_idx = 1",
    },
    default=0,
)


@component(
    source="Vaswani et al. 2017, section 3.5; Gehring et al. 2017",
    honest=(Honest("the first rows of the table", "the formula itself"),),
    conventions=(OFFSET,),
)
def learned_positions(length: int, table: Any, *, offset: int = 0) -> Any:
    """PE(p) = table[p], p = 0, ..., length - 1.

    table (max_length, d_model). Returns (length, d_model); the gradient of a row goes to that row, other rows get 0.
    Raises ValueError when the table is too short.
    """
    most = table.shape[0] - offset
    require(0 <= length <= most, f"length {length}: the table has rows for 0 to {most} positions")
    return table[offset : offset + length]


@learned_positions.slip("the last rows of the table")
def last_rows(length: int, table: Any, *, offset: int = 0) -> Any:
    return table[table.shape[0] - length :]
