"""A key-value cache: an object with `step`, declared form="object". `veriformer check examples/cache_object.py`

The suite builds a fresh object for each sequence, feeds it the next positions, and compares what it answers with causal
attention over all of them. `reorder` is optional, and a chunk of several positions may be declined.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from veriformer import Implementation

impl = Implementation("torch-cache", backend="torch")


@impl.component("cached_attention", form="object")
class CachedSelfAttention(nn.Module):
    """Self-attention that remembers the keys and values of all positions so far."""

    def __init__(self, params: dict[str, Tensor], *, n_heads: int) -> None:
        super().__init__()
        self.params, self.n_heads = params, n_heads
        self.register_buffer("keys", None)
        self.register_buffer("values", None)

    def step(self, x_new: Tensor) -> Tensor:
        q, k, v = (self.heads(self.project(x_new, name)) for name in "qkv")
        self.keys = k if self.keys is None else torch.cat([self.keys, k], dim=-2)
        self.values = v if self.values is None else torch.cat([self.values, v], dim=-2)
        n, length = q.shape[-2], self.keys.shape[-2]
        # not is_causal=True: torch's triangle starts at the first key, and these queries stand beside the last ones
        seen = torch.ones(n, length, dtype=torch.bool, device=x_new.device).tril(length - n)
        answers = F.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=seen)
        return self.project(answers.transpose(-2, -3).flatten(-2), "o")

    def reorder(self, index: Tensor) -> None:
        self.keys, self.values = self.keys[index], self.values[index]

    def project(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.params[f"w_{name}"].T, self.params.get(f"b_{name}"))

    def heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-2, -3)
