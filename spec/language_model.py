"""language_model: from the tokens so far to the logits of the next one, by layers that see the past alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.component import Honest, component
from veriformer.spec.encoder import encoder
from veriformer.spec.encoder_layer import ACTIVATION, NORM
from veriformer.spec.layer_norm import EPS
from veriformer.spec.transformer import embedded, logits, scaling
from veriformer.spec.visibility import FULLY_MASKED, visible


@component(
    source="Radford et al. 2018, equation 2; Radford et al. 2019, section 2.3",
    honest=(
        Honest("the honest algorithms of its parts, one after the other", "see each part"),
        Honest("the gradients of a tied table added up in any order", "automatic differentiation"),
    ),
    conventions=(
        FULLY_MASKED,
        NORM,
        ACTIVATION,
        EPS,
        scaling("one", "Radford et al. 2018, equation 2: the row of the table, as it is."),
    ),
)
def language_model(
    tokens: Any,
    params: dict[str, Any],
    *,
    n_heads: int,
    mask: Any = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    fully_masked: str = "zero",
    embedding_scale: str = "one",
) -> Any:
    """language_model(tokens) = encoder(E(tokens)) output, no position seeing a later one,
    E(t)_p = embedding[t_p] + positions[p].

    tokens (..., L), integers. Returns logits (..., L, vocabulary): row p is about the token after tokens[p].
    params: embedding (vocabulary, d_model); positions (length, d_model), whose first rows are added; layers, a list of what
    encoder_layer takes; final_norm, optional; output (d_model, vocabulary), absent where it is tied: then it is the
    transpose of embedding. mask (..., [n_heads,] L, L) is intersected with causality.
    Raises what its parts raise.
    """
    length = np.shape(tokens)[-1]
    past = visible(length, length, mask=mask, causal=True, window=None, causal_alignment="top_left")
    h = encoder(
        embedded(tokens, params, embedding_scale),
        {name: params[name] for name in ("layers", "final_norm") if name in params},
        n_heads=n_heads,
        mask=past,
        norm=norm,
        activation=activation,
        eps=eps,
        fully_masked=fully_masked,
    )
    return logits(h, params)
