"""Real input, the mathematics of it: parts of a question, slopes of the embedding, and what sentences share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tiny_model import PAGE, WHOLE
from veriformer.properties.law import Case
from veriformer.properties.real import compose, rows, walk
from veriformer.properties.real.whole import carried


def test_a_part_of_the_question_gives_that_part_of_the_answer() -> None:
    rng = np.random.default_rng(0)
    layer = PAGE.params["layers"][0]
    x = rng.standard_normal((3, 5, 8))
    cases = {
        "embedding": Case((PAGE.tokens, PAGE.params["words"])),
        "learned_positions": Case((5, PAGE.params["positions"])),
        "residual": Case((x, -2 * x)),
        "layer_norm": Case((x, layer["norm_1"]["gamma"], layer["norm_1"]["beta"])),
        "feed_forward": Case((x, layer["feed_forward"]), {"activation": "gelu"}),
        "multi_head_attention": Case(
            (x, x, layer["self_attention"]), {"n_heads": 2, "mask": PAGE.mask}, aliases=((0, 1),)
        ),
    }
    assert cases.keys() == set(compose.COMPONENTS)
    for component, case in cases.items():
        case = case.but(extra=rows.drawn(component, case, rng))
        part = rows.cut(component, case)
        answer = walk.by_the_spec(component, part.arguments, part.options)
        whole = walk.by_the_spec(component, case.arguments, case.options)
        assert np.max(np.abs(answer - rows.kept(whole, case))) < 1e-14
        assert answer.size < whole.size or component == "learned_positions"


def test_slopes_are_those_of_the_embedding() -> None:
    """Moving one number of one call's output moves the embedding by its slope."""
    place, step = (1, 0, 3), 1e-7
    for where in ("words", "layer 1: attention", "layer 2: norm_1", "layer 2: norm_2"):
        moved = embedding_when(where, place, step) - embedding_when(where, place, 0.0)
        for slopes, columns in zip(WHOLE.slopes, WHOLE.probes, strict=True):
            expected = slopes[where][place] * step
            assert 0.999 * expected < abs(moved[place[0], columns[place[0]]]) < 1.001 * expected


def embedding_when(where: str, place: tuple[int, ...], step: float) -> np.ndarray:
    """The spec's embedding with one number changed on the way."""

    def ask(here: str, component: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> np.ndarray:
        output = walk.by_the_spec(component, arguments, options)
        if here == where:
            output = output.copy()
            output[place] += step
        return output

    return np.asarray(compose.pooled(compose.compose(PAGE, PAGE.params, ask), PAGE.kept))


def test_the_embedding_is_the_mean_of_the_tokens_kept() -> None:
    hidden = np.random.default_rng(1).standard_normal((3, 5, 8))
    means = np.stack([h[k].mean(0) for h, k in zip(hidden, PAGE.kept, strict=True)])
    unit = means / np.linalg.norm(means, axis=-1, keepdims=True)
    assert np.max(np.abs(compose.pooled(hidden, PAGE.kept) - unit)) < 1e-15


def test_sentences_do_not_share_their_errors() -> None:
    local = {where: np.zeros((3, 5, 8)) for where in WHOLE.slopes[0]}
    local["layer 1: norm_1"][2] = 1
    moved = carried(WHOLE.slopes[0], local)
    assert moved[2] > 0
    assert (moved[:2] == 0).all()
