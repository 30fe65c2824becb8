"""Bodies: simple honest code for the components that most people begin with, to be replaced by their own."""

from __future__ import annotations

METHODS = {"cached_attention": ("step(self, x_new)", "reorder(self, index)")}
"""Component that keeps state -> the methods of its objects."""
OPTIMIZER = ("step(self, grads)", "state_dict(self)", "load_state_dict(self, state)")
"""The methods of every other one."""


def body(component: str, backend: str) -> str:
    """The lines of a function, or nothing where there is more to write than a skeleton should."""
    own = {"numpy": NUMPY, "torch": TORCH, "jax": JAX}[backend].get(component, "")
    return own or ANY.get(component, "")


ANY = {
    "residual": "return x + sublayer_output",
    "learned_positions": "return table[:length]",
    "weight_decay": "return {name: p - lr * rate * p for name, p in params.items()}",
    "gradient_descent": "return {name: p - lr * grads[name] for name, p in params.items()}",
}
"""What every framework writes alike."""

NUMPY = {
    "softmax": """
        x = x if mask is None else np.where(mask, x, -np.inf)
        top = x.max(-1, keepdims=True)
        e = np.exp(x - np.where(top == -np.inf, 0, top))
        total = e.sum(-1, keepdims=True)
        return e / np.where(total == 0, 1, total)
    """,
    "log_softmax": """
        x = x - x.max(-1, keepdims=True)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))
    """,
    "attention": """
        if q.ndim > 2 and 1 < k.shape[-3] < q.shape[-3]:
            k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
        scores = q @ k.swapaxes(-1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
        scores = scores if bias is None else scores + bias
        i, j = np.arange(q.shape[-2])[:, None], np.arange(k.shape[-2])
        allowed = np.ones((len(i), len(j)), bool) if mask is None else mask
        if causal:
            allowed = allowed & (j <= i)
        if window is not None:
            allowed = allowed & (abs(i - j) < window)
        scores = np.where(allowed, scores, -np.inf)
        top = scores.max(-1, keepdims=True)
        e = np.exp(scores - np.where(top == -np.inf, 0, top))
        total = e.sum(-1, keepdims=True)
        weights = e / np.where(total == 0, 1, total)
        if keep is not None:
            weights = np.where(keep, weights / (1 - rate), 0) if rate < 1 else weights * 0
        return weights @ v
    """,
    "layer_norm": """
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + eps) * gamma + beta
    """,
    "rms_norm": "return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gamma",
    "relu": "return np.maximum(x, 0)",
    "gelu": """
        if approximate == "tanh":
            return x * (0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))))
        return x * (0.5 * (1 + erf(x / math.sqrt(2))))
    """,
    "silu": """
        small = np.exp(-abs(x))
        return x * (np.where(x >= 0, 1, small) / (1 + small))
    """,
    "embedding": "return scale * table[tokens]",
}

TORCH = {
    "softmax": """
        if mask is None:
            return torch.softmax(x, dim=-1)
        weights = torch.softmax(x.masked_fill(~mask, -torch.inf), dim=-1)
        return weights.masked_fill(~mask.any(-1, keepdim=True), 0)
    """,
    "log_softmax": "return torch.log_softmax(x, dim=-1)",
    "attention": """
        if q.ndim > 2 and 1 < k.shape[-3] < q.shape[-3]:
            k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], dim=-3) for x in (k, v))
        scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
        scores = scores if bias is None else scores + bias
        i, j = torch.arange(q.shape[-2], device=q.device)[:, None], torch.arange(k.shape[-2], device=q.device)
        allowed = torch.ones(len(i), len(j), dtype=torch.bool, device=q.device) if mask is None else mask
        if causal:
            allowed = allowed & (j <= i)
        if window is not None:
            allowed = allowed & ((i - j).abs() < window)
        weights = torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=-1)
        weights = weights.masked_fill(~allowed.any(-1, keepdim=True), 0)
        if keep is not None:
            weights = torch.where(keep, weights / (1 - rate), 0) if rate < 1 else weights * 0
        return weights @ v
    """,
    "layer_norm": "return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)",
    "rms_norm": "return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gamma",
    "relu": "return torch.relu(x)",
    "gelu": "return F.gelu(x, approximate=approximate)",
    "silu": "return F.silu(x)",
    "embedding": "return scale * F.embedding(tokens, table, padding_idx)",
}

JAX = {
    "softmax": "return jax.nn.softmax(x, where=mask)",
    "log_softmax": "return jax.nn.log_softmax(x)",
    "attention": """
        if q.ndim > 2 and 1 < k.shape[-3] < q.shape[-3]:
            k, v = (jnp.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
        scores = q @ k.swapaxes(-1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
        scores = scores if bias is None else scores + bias
        i, j = jnp.arange(q.shape[-2])[:, None], jnp.arange(k.shape[-2])
        allowed = jnp.ones((len(i), len(j)), bool) if mask is None else mask
        if causal:
            allowed = allowed & (j <= i)
        if window is not None:
            allowed = allowed & (abs(i - j) < window)
        weights = jax.nn.softmax(scores, where=allowed)
        if keep is not None:
            weights = jnp.where(keep, weights / (1 - rate), 0) if rate < 1 else weights * 0
        return weights @ v
    """,
    "layer_norm": """
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        return centred / jnp.sqrt(variance + eps) * gamma + beta
    """,
    "rms_norm": "return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + eps) * gamma",
    "relu": "return jax.nn.relu(x)",
    "gelu": 'return jax.nn.gelu(x, approximate=approximate == "tanh")',
    "silu": "return jax.nn.silu(x)",
    "embedding": """
        if padding_idx is not None:
            raise NotImplementedError("padding_idx: that row of the table would get a gradient")
        return scale * table[tokens]
    """,
}
