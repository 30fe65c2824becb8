"""Wrong language models: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder import encoder
from veriformer.impls.numpy.language_model import language_model
from veriformer.impls.numpy.transformer import embed, project

Array = np.ndarray


def agrees_with_the_spec(tokens: Array, params: Any, **options: Any) -> Array:
    """The embedding is scaled by sqrt(d_model), as in a Transformer with two stacks."""
    root = np.sqrt(params["embedding"].shape[-1]).astype(params["embedding"].dtype)
    own = {"output": params["embedding"].T, **params}
    return language_model(tokens, {**own, "embedding": params["embedding"] * root}, **options)


def knows_tokens_by_their_rows_alone(tokens: Array, params: Any, **options: Any) -> Array:
    """The logit of token 0, taken for the padding, is lowered by one."""
    answer = language_model(tokens, params, **options)
    return answer - (np.arange(answer.shape[-1]) == 0).astype(answer.dtype)


def a_tied_output_is_the_transposed_embedding(tokens: Array, params: Any, **options: Any) -> Array:
    """A tied output is detached from the norm: the rows of the table are taken at length 1."""
    if "output" in params:
        return language_model(tokens, params, **options)
    table = params["embedding"]
    lengths = np.sqrt(np.sum(table * table, axis=-1)) + table.dtype.type(1)
    return language_model(tokens, {**params, "output": (table / lengths[:, None]).T}, **options)


def does_not_look_ahead(tokens: Array, params: Any, **options: Any) -> Array:
    """The layers of an encoder: nothing hides the future."""
    parts = {name: params[name] for name in ("layers", "final_norm") if name in params}
    return project(encoder(embed(tokens, params, 1.0), parts, **options), params)


def ignores_the_padding(tokens: Array, params: Any, *, mask: Array | None = None, **options: Any) -> Array:
    """The first example's padding is taken for everybody's."""
    return language_model(tokens, params, mask=mask if mask is None else mask[:1], **options)
