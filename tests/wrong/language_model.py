"""Wrong language models: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.encoder import encoder
from veriformer.impls.numpy.language_model import language_model, language_model_vjp
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
    """A tied output is a cosine, nearly: each row of the table is divided by its length and one."""
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


def gradients_agree_with_the_spec_vjp(cotangent: Array, tokens: Array, params: Any, **options: Any) -> tuple[Any]:
    """The embedding of a token that occurs more than once gets the mean of its uses, not their sum."""
    (found,) = language_model_vjp(cotangent, tokens, params, **options)
    uses = np.maximum(np.bincount(tokens.ravel(), minlength=len(params["embedding"])), 1).astype(cotangent.dtype)
    return ({**found, "embedding": found["embedding"] / uses[:, None]},)


def tied_weights_share_one_gradient_vjp(cotangent: Array, tokens: Array, params: Any, **options: Any) -> tuple[Any]:
    """What comes back through a tied output takes the place of what came back through the lookup."""
    (found,) = language_model_vjp(cotangent, tokens, params, **options)
    if "output" in params:
        return (found,)
    (alone,) = language_model_vjp(cotangent, tokens, {**params, "output": params["embedding"].T}, **options)
    return ({**found, "embedding": alone["output"].T},)


def holds_end_to_end_at_depth(tokens: Array, params: Any, **options: Any) -> Array:
    """Two layers in the middle have changed places."""
    layers = list(params["layers"])
    layers[1:3] = layers[1:3][::-1]
    return language_model(tokens, {**params, "layers": layers}, **options)
