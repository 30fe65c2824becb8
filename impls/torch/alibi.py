"""The linear biases of ALiBi in PyTorch."""

from __future__ import annotations

import torch


def alibi(n_heads: int, length_q: int, length_k: int, *, like: torch.Tensor | None = None) -> torch.Tensor:
    """-m_h |i + L_k - L_q - j|, (n_heads, L_q, L_k): the further a key from its query, the lower its score.

    The slopes m are 2^(-8 h / n), h = 1 ... n, if n = n_heads is a power of two. Else they are those of the power of two below,
    then the first, third, ... of the power of two above. Dtype and device are those of `like`, else float32 on the CPU.
    """
    like = torch.empty(0, dtype=torch.float32, device="cpu") if like is None else like
    i = torch.arange(length_q, device=like.device)[:, None] + (length_k - length_q)
    distances = torch.abs(i - torch.arange(length_k, device=like.device))
    m = torch.tensor(slopes(n_heads), dtype=torch.float64, device=like.device)
    return (-m[:, None, None] * distances).to(like.dtype)


def slopes(n_heads: int) -> list[float]:
    """One slope for each head."""
    power = 2 ** (n_heads.bit_length() - 1)
    own = [2.0 ** (-8.0 * h / power) for h in range(1, power + 1)]
    return own if power == n_heads else own + slopes(2 * power)[0::2][: n_heads - power]
