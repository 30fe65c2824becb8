"""A tiny BERT with random weights, its sentences, and the certified walk through it."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.properties.real.model import Page
from veriformer.properties.real.whole import follow


def tiny(d: int = 8, d_ff: int = 16, vocabulary: int = 20, layers: int = 2) -> Page:
    """A BERT with random weights, and three sentences of five, two and three tokens."""
    rng = np.random.default_rng(3)

    def matrix(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)

    def norm() -> dict[str, np.ndarray]:
        return {"gamma": 1 + matrix(d) / 2, "beta": matrix(d)}

    def layer() -> dict[str, Any]:
        projections = {f"{kind}_{name}": matrix(d, d) if kind == "w" else matrix(d) for name in "qkvo" for kind in "wb"}
        feed = {"w_1": matrix(d, d_ff), "b_1": matrix(d_ff), "w_2": matrix(d_ff, d), "b_2": matrix(d)}
        return {"self_attention": projections, "feed_forward": feed, "norm_1": norm(), "norm_2": norm()}

    params = {"words": 4 * matrix(vocabulary, d), "positions": matrix(12, d), "types": matrix(2, d), "norm": norm()}
    kept = np.arange(5) < np.array([[5], [2], [3]])
    tokens = rng.integers(0, vocabulary, kept.shape)
    return Page("tiny", {**params, "layers": [layer() for _ in range(layers)]}, 2, 1e-12, tokens, kept, ("a", "b", "c"))


PAGE = tiny()


WHOLE = follow(PAGE)
