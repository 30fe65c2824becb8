"""Compose: a BERT encoder out of components, whoever answers for them: an implementation, or the spec on a tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from veriformer.impls.protocol import Tree
from veriformer.properties.real.model import Page
from veriformer.spec.numbers import number

Ask = Callable[[str, str, tuple[Tree, ...], dict[str, Tree]], Any]
"""(where in the model, component, arguments, options) -> the component's output there."""

COMPONENTS = ("embedding", "learned_positions", "residual", "layer_norm", "multi_head_attention", "feed_forward")
"""What the model is made of."""


def compose(page: Page, params: Mapping[str, Tree], ask: Ask) -> Any:
    """The last hidden states, (B, L, d_model): embeddings, then post-norm layers. Devlin et al. 2019."""
    x = embedded(page, params, ask)
    for index, layer in enumerate(params["layers"], 1):
        x = through(page, x, layer, f"layer {index}", ask)
    return x


def embedded(page: Page, params: Mapping[str, Tree], ask: Ask) -> Any:
    """norm(words + type 0 + positions); sentences that stand alone are all of type 0."""
    words = ask("words", "embedding", (page.tokens, params["words"]), {})
    positions = ask("positions", "learned_positions", (page.tokens.shape[1], params["positions"]), {})
    x = ask("words + types", "residual", (words, np.broadcast_to(params["types"][0], words.shape)), {})
    x = ask("words + types + positions", "residual", (x, np.broadcast_to(positions, words.shape)), {})
    return normed(page, x, params["norm"], "embeddings: norm", ask)


def through(page: Page, x: Any, layer: Mapping[str, Tree], where: str, ask: Ask) -> Any:
    """h = norm_1(x + attention(x)), norm_2(h + feed_forward(h))."""
    options = {"n_heads": page.n_heads, "mask": page.mask}
    attended = ask(f"{where}: attention", "multi_head_attention", (x, x, layer["self_attention"]), options)
    h = ask(f"{where}: first residual", "residual", (x, attended), {})
    h = normed(page, h, layer["norm_1"], f"{where}: norm_1", ask)
    fed = ask(f"{where}: feed_forward", "feed_forward", (h, layer["feed_forward"]), {"activation": "gelu"})
    y = ask(f"{where}: second residual", "residual", (h, fed), {})
    return normed(page, y, layer["norm_2"], f"{where}: norm_2", ask)


def normed(page: Page, x: Any, norm: Mapping[str, Any], where: str, ask: Ask) -> Any:
    """A layer norm with BERT's eps."""
    return ask(where, "layer_norm", (x, norm["gamma"], norm["beta"]), {"eps": page.eps})


def pooled(hidden: Any, kept: np.ndarray) -> Any:
    """The mean over the tokens kept, moved to length 1: (B, L, d_model) -> (B, d_model), in any number system.

    The length has no use for 1 / count: both sum and mean point the same way, so the sum is normalised. Reimers &
    Gurevych 2019, mean pooling; then sentence-transformers' Normalize.
    """
    total = np.sum(np.where(kept[..., None], hidden, number(0, like=hidden)), 1)
    return total / np.sqrt(np.sum(total * total, -1, keepdims=True))
