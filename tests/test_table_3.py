"""Table 3 of the paper: what is exact in it is counted exactly, from the shapes of the spec's own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from veriformer.impls.tree import rebuild
from veriformer.spec import COMPONENTS
from veriformer.spec.table_3 import (
    TABLE_3,
    Variation,
    admitted,
    count,
    decoder_layer,
    encoder_layer,
    implied_vocabulary,
    page,
    parameters,
)

ROWS = {row.name: row for row in TABLE_3}
BASE = ROWS["base"]
TINY = Variation("tiny", n_layers=1, d_model=4, d_ff=6, n_heads=2, d_k=2, d_v=2)
ROUNDED = 1
"""Two counts that the paper rounds to millions may be off by half a million each."""


def made(shapes: Any) -> Any:
    """Arrays of the shapes."""
    if isinstance(shapes, dict):
        return {name: made(inner) for name, inner in shapes.items()}
    return np.full(shapes, 0.1)


def test_the_shapes_are_those_of_the_spec() -> None:
    """The spec runs on arrays of the shapes that are counted, and needs no others."""
    x = np.random.default_rng(0).standard_normal((3, 4))
    answer = COMPONENTS["encoder_layer"](x, made(encoder_layer(TINY)), n_heads=2)
    again = COMPONENTS["decoder_layer"](x, answer, made(decoder_layer(TINY)), n_heads=2)
    assert answer.shape == again.shape == x.shape
    sizes: list[int] = []
    rebuild(made(decoder_layer(TINY)), lambda _, leaf: sizes.append(leaf.size))
    assert sum(sizes) == count(decoder_layer(TINY))


def test_one_encoder_and_one_decoder_layer_have_735_hundredths_of_a_million() -> None:
    assert count(encoder_layer(BASE)) + count(decoder_layer(BASE)) == 7_350_272


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(C) N = 2", "(C) N = 4"),
        ("(C) N = 4", "base"),
        ("base", "(C) N = 8"),
        ("(C) d_ff = 1024", "base"),
        ("base", "(C) d_ff = 4096"),
        ("(B) d_k = 16", "(B) d_k = 32"),
        ("(B) d_k = 32", "base"),
    ],
)
def test_rows_that_share_a_width_differ_as_the_paper_says(one: str, other: str) -> None:
    """The vocabulary cancels."""
    low, high = ROWS[one], ROWS[other]
    assert low.printed is not None
    assert high.printed is not None
    exact = (parameters(high) - parameters(low)) / 1e6
    assert abs(exact - (high.printed - low.printed)) <= ROUNDED


def test_no_vocabulary_gives_all_rows() -> None:
    """Rounded as the paper rounds, all rows but the big model's share some vocabularies, and it shares none with them."""
    *variations, big = TABLE_3
    (least, most), (least_of_big, most_of_big) = admitted(tuple(variations)), admitted((big,))
    assert least_of_big <= most_of_big < least <= most
    assert f"{least:,} to {most:,} tokens" in "\n".join(page())
    assert implied_vocabulary(BASE) == 40_817
