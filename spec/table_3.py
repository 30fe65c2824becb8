"""Table 3 of the paper: how many parameters each variation of the transformer has, counted from the shapes of the spec's own.

`python -m veriformer.spec.table_3` prints it. The paper does not say how large the vocabulary was (section 5.1: "about 37000
tokens"). Each of its counts, rounded to a million, implies a range of them, and no single vocabulary gives them all: those of
the base model and its variations want about 41,000 tokens, that of the big model about 36,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

VOCABULARY = 37_000
"""Shared by source, target and output (section 5.1: English-German, byte-pair encoded)."""


@dataclass(frozen=True)
class Variation:
    """One row of the table. printed: the paper's count in millions; None where it leaves the column empty, as the base's."""

    name: str
    n_layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    n_heads: int = 8
    d_k: int = 64
    d_v: int = 64
    printed: int | None = None


TABLE_3 = (
    Variation("base", printed=65),
    Variation("(A) h = 1", n_heads=1, d_k=512, d_v=512),
    Variation("(A) h = 4", n_heads=4, d_k=128, d_v=128),
    Variation("(A) h = 16", n_heads=16, d_k=32, d_v=32),
    Variation("(A) h = 32", n_heads=32, d_k=16, d_v=16),
    Variation("(B) d_k = 16", d_k=16, printed=58),
    Variation("(B) d_k = 32", d_k=32, printed=60),
    Variation("(C) N = 2", n_layers=2, printed=36),
    Variation("(C) N = 4", n_layers=4, printed=50),
    Variation("(C) N = 8", n_layers=8, printed=80),
    Variation("(C) d_model = 256", d_model=256, d_k=32, d_v=32, printed=28),
    Variation("(C) d_model = 1024", d_model=1024, d_k=128, d_v=128, printed=168),
    Variation("(C) d_ff = 1024", d_ff=1024, printed=53),
    Variation("(C) d_ff = 4096", d_ff=4096, printed=90),
    Variation("(D) dropout, label smoothing"),
    Variation("(E) learned positions, their table not counted"),
    Variation("big", d_model=1024, d_ff=4096, n_heads=16, printed=213),
)

Shapes = dict[str, Any]
"""Parameters as the spec nests them, each with its shape in place of its values."""


def attention(row: Variation) -> Shapes:
    """The projections of multi_head_attention, without biases, as section 3.2.2 and tensor2tensor have them."""
    q, v = (row.d_model, row.n_heads * row.d_k), (row.d_model, row.n_heads * row.d_v)
    return {"w_q": q, "w_k": q, "w_v": v, "w_o": v[::-1]}


def feed_forward(row: Variation) -> Shapes:
    """Two affine maps, with their biases: equation 2."""
    return {"w_1": (row.d_model, row.d_ff), "b_1": (row.d_ff,), "w_2": (row.d_ff, row.d_model), "b_2": (row.d_model,)}


def norm(row: Variation) -> Shapes:
    """Gain and shift."""
    return {"gamma": (row.d_model,), "beta": (row.d_model,)}


def encoder_layer(row: Variation) -> Shapes:
    """Self-attention and feed-forward, each with a norm."""
    return {
        "self_attention": attention(row),
        "feed_forward": feed_forward(row),
        "norm_1": norm(row),
        "norm_2": norm(row),
    }


def decoder_layer(row: Variation) -> Shapes:
    """The same with attention to the memory, and its norm."""
    return {**encoder_layer(row), "cross_attention": attention(row), "norm_3": norm(row)}


def layers(row: Variation) -> int:
    """Parameters of all layers."""
    return row.n_layers * (count(encoder_layer(row)) + count(decoder_layer(row)))


def parameters(row: Variation, vocabulary: int = VOCABULARY) -> int:
    """Parameters of the whole: the layers, and one table of embeddings, tied with the output. Sinusoids have none."""
    return layers(row) + vocabulary * row.d_model


def implied_vocabulary(row: Variation) -> int | None:
    """The vocabulary that gives the paper's count."""
    return None if row.printed is None else round((row.printed * 1_000_000 - layers(row)) / row.d_model)


def admitted(rows: tuple[Variation, ...]) -> tuple[int, int]:
    """The smallest and the largest vocabulary that give the printed counts of all these rows, each rounded to a million."""
    least = max(-(-((2 * row.printed - 1) * 500_000 - layers(row)) // row.d_model) for row in rows if row.printed)
    most = min(((2 * row.printed + 1) * 500_000 - layers(row)) // row.d_model for row in rows if row.printed)
    return least, most


def count(shapes: Any) -> int:
    """How many numbers the arrays of these shapes hold."""
    return sum(map(count, shapes.values())) if isinstance(shapes, dict) else prod(shapes)


def page() -> Iterator[str]:
    """The table as Markdown, with what it shows."""
    yield "| row | parameters, vocabulary 37,000 | the paper's | the vocabulary that gives it |"
    yield "|---|---:|---:|---:|"
    for row in TABLE_3:
        printed, implied = row.printed, implied_vocabulary(row)
        paper = "" if printed is None else f"{printed} M"
        yield f"| {row.name} | {parameters(row) / 1e6:.2f} M | {paper} | {'' if implied is None else f'{implied:,}'} |"
    yield ""
    *variations, big = TABLE_3
    yield "No single vocabulary gives every row: rounded to a million, those of the base model and its variations allow "
    yield "{:,} to {:,} tokens, that of the big model {:,} to {:,}.".format(
        *admitted(tuple(variations)), *admitted((big,))
    )
    yield "What does not involve the vocabulary agrees: one encoder and one decoder layer have "
    yield f"{(count(encoder_layer(TABLE_3[0])) + count(decoder_layer(TABLE_3[0]))) / 1e6:.2f} M."


if __name__ == "__main__":
    print("\n".join(page()))
