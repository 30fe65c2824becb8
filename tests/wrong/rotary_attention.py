"""Wrong attentions with rotary positions: each breaks the law that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np

from veriformer.impls.numpy.attention import attention
from veriformer.impls.numpy.rotary_attention import rotary_attention, rotary_attention_vjp
from veriformer.impls.numpy.rotary_positions import rotary_positions

Array = np.ndarray


def agrees_with_the_spec(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """Queries and keys exchanged places in time: distances have the wrong sign."""
    negated = {name: -value if name == "positions_k" else value for name, value in options.items()}
    return rotary_attention(q, k, v, -positions, **negated)


def gradients_agree_with_the_spec_vjp(
    g: Array, q: Array, k: Array, v: Array, positions: Array, **options: Any
) -> tuple[Array, ...]:
    """The gradient of the keys is not turned back."""
    d_q, d_k, d_v = rotary_attention_vjp(g, q, k, v, positions, **options)
    at_k = options.get("positions_k", positions)
    how = {name: options[name] for name in ("base", "layout") if name in options}
    return d_q, rotary_positions(d_k, at_k, **how), d_v


def depends_on_distances_only(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """Positions are wrapped at 8, the length of a table."""
    wrapped = {name: value % 8 if name == "positions_k" else value for name, value in options.items()}
    return rotary_attention(q, k, v, positions % 8, **wrapped)


def at_one_position_it_is_attention(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """Only the queries are turned."""
    how = {name: options[name] for name in ("base", "layout") if name in options}
    seen = {name: options[name] for name in ("mask", "causal") if name in options}
    return attention(rotary_positions(q, positions + 1, **how), k, v, **seen)


def is_permutation_equivariant_with_its_positions(
    q: Array, k: Array, v: Array, positions: Array, **options: Any
) -> Array:
    """Tokens are taken to stand in the order in which they come."""
    return rotary_attention(q, k, v, np.sort(positions), **options)


def values_are_not_turned(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """Values are turned like the keys."""
    how = {name: options[name] for name in ("base", "layout") if name in options}
    return rotary_attention(
        q, k, rotary_positions(v, options.get("positions_k", positions), **how), positions, **options
    )


def does_not_look_ahead(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """causal is taken, and not heard."""
    return rotary_attention(q, k, v, positions, **{**options, "causal": False})


def what_stands_behind_a_mask_does_not_matter(q: Array, k: Array, v: Array, positions: Array, **options: Any) -> Array:
    """Weights of 0 meet what is no number."""
    clean = rotary_attention(q, k, v, positions, **options)
    return clean + (np.sum(v) * 0).astype(v.dtype)
