"""The prototype's tightness, told and measured again, and which honest algorithms our wider bounds are needed by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COLUMNS = (
    ("float64", "eager"),
    ("float32", "eager"),
    ("bfloat16", "eager"),
    ("bfloat16", "layer"),
    ("float16", "layer"),
)
PROTOTYPE = MappingProxyType(
    {
        "softmax": (0.07, 0.06, 0.07, 0.49, 0.48),
        "attention": (0.03, 0.02, 0.06, 0.21, 0.27),
        "multi_head_attention": (0.02, 0.008, 0.05, 0.12, 0.13),
        "layer_norm": (0.20, 0.21, 0.36, 0.49, 0.50),
        "gelu": (0.11, 0.12, 0.07, 0.46, 0.48),
        "feed_forward": (0.04, 0.02, 0.26, 0.26, 0.26),
        "encoder_layer": (0.005, 0.001, 0.01, 0.02, 0.03),
        "cross_entropy": (0.02, 0.01, 0.03, 0.10, 0.21),
        "adamw": (0.61, 0.65, 0.32, 0.33, 0.33),
    }
)
"""Median of observed / bound in the prototype, by COLUMNS."""


PROTOTYPE_HERE = MappingProxyType(
    {
        "softmax": (0.083, 0.109, 0.129, 0.896, 0.916),
        "attention": (0.045, 0.051, 0.099, 0.352, 0.344),
        "multi_head_attention": (0.015, 0.013, 0.058, 0.051, 0.059),
        "layer_norm": (0.103, 0.104, 0.218, 0.962, 0.955),
        "gelu": (0.0757, 0.0845, 0.071, 0.882, 0.930),
        "feed_forward": (0.0278, 0.0254, 0.273, 0.181, 0.189),
        "encoder_layer": (0.0006, 0.0005, 0.057, 0.013, 0.0048),
        "cross_entropy": (0.0183, 0.0146, 0.0293, 0.211, 0.194),
        "adamw": (0.864, 0.921, 0.725, 0.988, 0.999),
    }
)
"""Median of observed / bound with the prototype's bounds, over the evaluations of this file, by COLUMNS. Those of the layers
with several matrices, and of Adam, over the evaluations before arrays were drawn from their digests."""
SOFTMAX = (
    "exp2, log2(e) multiplied in (1.11 of the prototype's bound in float32), exp of log-softmax (1.22 in bfloat16), and a "
    "rescaling for each new maximum of an online softmax"
)
ATTENTION = (
    f"{SOFTMAX}; log2(e) folded into the scale, where scores and their maximum are rounded apart (FlashAttention-2); the root "
    "of the scale on both factors of the scores, each rounded as a factor; weights that are rounded as factors before their "
    "division (FlashAttention), by u of each, not half an ulp. Derived: here honest code stays within 0.6 of the prototype's "
    "bound, but for float16"
)
WELFORD = (
    "a running mean (Welford 1962, PyTorch's CPU kernel): of 10000001 and 10000002 in float32 it is one of them, 130 times the "
    "prototype's bound away, in float64 alike 111 times; in bfloat16 8,900 times over these evaluations"
)
ADAM = (
    "hyper-parameters rounded to the dtype, 1 - beta with them (torch.optim, and the formula as written: 1.5 to 1.6 of the "
    "prototype's bound, which took them for exact); interpolation from either end"
)
LIGER = (
    "logits minus their logsumexp, or the logsumexp minus the target's logit (fairseq, Liger), never the differences from the "
    "maximum: off by u max |x| (in float32 3.3 of the prototype's bound, in float64 2.9e7, where all logits are large)"
)
NEEDED_BY: Mapping[str, str] = MappingProxyType(
    {
        "softmax": SOFTMAX,
        "attention": ATTENTION,
        "multi_head_attention": f"its attention: {ATTENTION}",
        "layer_norm": WELFORD,
        "encoder_layer": f"its attention and its norms, one after the other: {WELFORD}; {ATTENTION}",
        "cross_entropy": LIGER,
        "adamw": ADAM,
    }
)
"""Component -> the honest algorithms for which our bound is wider than the prototype's was."""
SETTLED = MappingProxyType(
    {
        "softmax": (0.049, 0.049, 0.038, 0.91, 0.92),
        "attention": (0.021, 0.022, 0.026, 0.18, 0.195),
        "multi_head_attention": (0.0148, 0.013, 0.0206, 0.0334, 0.0400),
        "layer_norm": (0.046, 0.061, 0.05, 0.96, 0.94),
        "encoder_layer": (0.0002, 0.0003, 0.04, 0.0048, 0.0022),
        "cross_entropy": (0.015, 0.0116, 0.0189, 0.54, 0.46),
        "adamw": (0.58, 0.47, 0.45, 0.98, 0.99),
    }
)
"""Our own medians when those reasons were written down, by COLUMNS: a reason excuses no bound that grows since. Arrays are
drawn otherwise since: over the cases of before the same bounds have 0.233 and 0.0235 where here are 0.195 (attention, float16)
and 0.0189 (cross-entropy, bfloat16)."""
