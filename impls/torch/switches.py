"""PyTorch's switches: to what it may round inside a matrix product, as they stand now."""

from __future__ import annotations

import torch

FORMATS = {"tf32": "tf32", "bf16": "bfloat16"}
"""PyTorch's word for what float32 factors may be rounded to -> ours. "ieee" and "none" round nothing.

docs.pytorch.org, torch.set_float32_matmul_precision: "high" may split each factor into two bfloat16 numbers instead, which
keeps more digits than TF32 does.
"""
TILE = 8
"""The fewest terms that a tensor core adds up in one instruction for half types: mma.m16n8k8, PTX ISA, "Matrix multiply
instructions". No partial sum that is rounded on its way to another one has fewer."""


def switches(dtype: str, device: str) -> dict[str, str | int]:
    """What matrix products may do beyond the dtype itself: `products`, the format that their factors may be rounded to, and
    `partial_sums`, the format in which sums of at least `terms` products may be put together; `quotients`, the instruction that
    may divide in float32 (PyTorch's own kernels divide as IEEE 754 asks, what torch.compile and Triton make does not)."""
    return {**of_products(dtype, device), **({"quotients": "div.full"} if device == "cuda" else {})}


def of_products(dtype: str, device: str) -> dict[str, str | int]:
    """`products`, `partial_sums` and `terms`."""
    if dtype == "float32":
        said = of_cuda() if device == "cuda" else str(torch.backends.mkldnn.matmul.fp32_precision)
        return {"products": FORMATS[said]} if said in FORMATS else {}
    if device != "cuda" or dtype not in ("bfloat16", "float16"):
        return {}
    matmul = torch.backends.cuda.matmul
    if dtype == "float16" and matmul.allow_fp16_accumulation:
        return {"partial_sums": dtype, "terms": 1}
    short = "bf16" if dtype == "bfloat16" else "fp16"
    if allows(getattr(matmul, f"allow_{short}_reduced_precision_reduction")):
        return {"partial_sums": dtype, "terms": TILE}
    return {}


def of_cuda() -> str:
    """What float32 factors may be rounded to on CUDA. The older switch answers where the newer one is not there; asking for it
    beside the newer one raises."""
    matmul = torch.backends.cuda.matmul
    if hasattr(matmul, "fp32_precision"):
        return str(matmul.fp32_precision)
    return "tf32" if matmul.allow_tf32 else "none"


def allows(switch: object) -> bool:
    """A switch is a bool, or a pair that begins with one (the second says whether products may be split)."""
    return bool(switch[0]) if isinstance(switch, tuple) else bool(switch)
