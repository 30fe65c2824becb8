"""transformer: from the tokens of a source and of a target so far to the logits of each next token."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.spec.apply_dropout import apply_dropout
from veriformer.spec.component import Convention, Honest, component, require
from veriformer.spec.decoder import decoder
from veriformer.spec.embedding import embedding
from veriformer.spec.encoder import encoder
from veriformer.spec.encoder_layer import ACTIVATION, NORM, masks
from veriformer.spec.layer_norm import EPS
from veriformer.spec.learned_positions import learned_positions
from veriformer.spec.numbers import boundary, number
from veriformer.spec.numbers.number import transposed
from veriformer.spec.slip import Part
from veriformer.spec.visibility import FULLY_MASKED


def scaling(default: str, source: str) -> Convention:
    """By what a token's row is multiplied before its position is added."""
    return Convention(
        "embedding_scale",
        ("sqrt_d_model", "one"),
        source,
        {"sqrt_d_model": "Vaswani et al. 2017, tensor2tensor, fairseq, Gemma", "one": "BERT, GPT-2, T5"},
        default=default,
    )


@Part
def embedded(tokens: Any, params: dict[str, Any], scale: str) -> Any:
    """Each token's row of `embedding`, scaled, plus its position's row of `positions`; (..., L, d_model)."""
    table = params["embedding"]
    factor = np.sqrt(number(table.shape[-1], like=table)) if scale == "sqrt_d_model" else 1
    places = learned_positions(np.shape(tokens)[-1], params["positions"])
    return boundary(embedding(tokens, table, scale=factor) + places)


@Part
def logits(h: Any, params: dict[str, Any]) -> Any:
    """h output, or h embedding^T where there is no output; (..., L, vocabulary)."""
    return h @ (params["output"] if "output" in params else transposed(params["embedding"]))


@component(
    source="Vaswani et al. 2017, figure 1 and section 3.4; tied output: Press & Wolf 2017",
    honest=(
        Honest("the honest algorithms of its parts, one after the other", "see each part"),
        Honest("the gradients of a tied table added up in any order", "automatic differentiation"),
    ),
    conventions=(
        FULLY_MASKED,
        NORM,
        ACTIVATION,
        EPS,
        scaling("sqrt_d_model", "Section 3.4 of the paper: multiplied by sqrt(d_model), in both embeddings."),
    ),
)
def transformer(
    source: Any,
    target: Any,
    params: dict[str, Any],
    *,
    n_heads: int,
    source_mask: Any = None,
    target_mask: Any = None,
    norm: str = "post",
    activation: str = "relu",
    eps: float = 1e-5,
    keep: Any = None,
    rate: float = 0.0,
    fully_masked: str = "zero",
    embedding_scale: str = "sqrt_d_model",
) -> Any:
    """transformer(source, target) = decoder(E(target), encoder(E(source))) output,
    E(t)_p = sqrt(d_model) embedding[t_p] + positions[p].

    source (..., L_source), target (..., L_target): tokens, integers; the target as it goes in, begun with a start token.
    Returns logits (..., L_target, vocabulary): row p is about the token after target[p], and sees no later one.
    params: embedding (vocabulary, d_model), one table for source and target; positions (length, d_model), one table for
    both, whose first rows are added, learned or computed (see sinusoidal_positions); encoder and decoder (see there);
    output (d_model, vocabulary), absent where it is tied: then it is the transpose of embedding, unscaled.
    source_mask (..., [n_heads,] 1, L_source) says which tokens of the source may be seen, by the encoder and by the decoder
    alike; target_mask (..., [n_heads,] L_target, L_target) is intersected with causality.
    keep, rate: dropout with given masks, nested like params: {"embedding": {"source", "target"}, the sums of embedding and
    position; "encoder" and "decoder": see there}. Whatever is missing is not dropped.
    Raises ValueError for a source_mask with a row for each query: source and target would need different ones.
    """
    one_row = source_mask is None or np.ndim(source_mask) < 2 or np.shape(source_mask)[-2] == 1
    require(one_row, f"source_mask {np.shape(source_mask)}: one row for all queries, (..., 1, L_source)")
    options: dict[str, Any] = {"n_heads": n_heads, "norm": norm, "activation": activation, "eps": eps, "rate": rate}
    options["fully_masked"] = fully_masked
    sums, kept_encoder, kept_decoder = masks(keep, "embedding", "encoder", "decoder")
    kept_source, kept_target = masks(sums, "source", "target")
    x = thinned_by(kept_source, embedded(source, params, embedding_scale), rate)
    memory = encoder(x, params["encoder"], mask=source_mask, keep=kept_encoder, **options)
    y = thinned_by(kept_target, embedded(target, params, embedding_scale), rate)
    seen = {"mask": target_mask, "memory_mask": source_mask}
    return logits(decoder(y, memory, params["decoder"], keep=kept_decoder, **seen, **options), params)


def thinned_by(keep: Any, x: Any, rate: float) -> Any:
    """x, dropped by a mask if there is one."""
    return x if keep is None else apply_dropout(x, keep, rate)


@embedded.slip("no positions added")
def no_positions(tokens: Any, params: dict[str, Any], scale: str) -> Any:
    return embedded(tokens, {**params, "positions": params["positions"] * 0}, scale)


@embedded.slip("the positions scaled too: sqrt(d_model) (embedding + positions)")
def positions_scaled(tokens: Any, params: dict[str, Any], scale: str) -> Any:
    d_model = number(params["embedding"].shape[-1], like=params["embedding"])
    return embedded(tokens, params, "one") * (np.sqrt(d_model) if scale == "sqrt_d_model" else 1)


@logits.slip("the logits divided by sqrt(d_model), as T5 does where they are tied")
def logits_scaled(h: Any, params: dict[str, Any]) -> Any:
    return logits(h, params) / np.sqrt(number(h.shape[-1], like=h))


@logits.slip("a tied output in spite of one of its own")
def output_ignored(h: Any, params: dict[str, Any]) -> Any:
    return logits(h, {name: leaf for name, leaf in params.items() if name != "output"})
