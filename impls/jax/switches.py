"""JAX's switch: to what it may round the factors of a float32 matrix product, as it stands now."""

from __future__ import annotations

import jax

FULL = ("highest", "float32", "F32_F32_F32", "F64_F64_F64", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9")
"""Nothing is rounded, or so many bfloat16 numbers are put in the place of one that nothing of it is lost."""
BFLOAT16 = ("BF16_BF16_BF16", "BF16_BF16_F32")
"""Each factor becomes one bfloat16 number. The levels "fastest" and "bfloat16" mean this on TPUs alone: on a GPU they are the
default."""


def switches(dtype: str, device: str) -> dict[str, str | int]:
    """`products`, the format that the factors of a matrix product may be rounded to; and `quotients`, the instruction by which
    XLA divides in float32 on a GPU. Empty where there is nothing to say.

    docs.jax.dev, "Matmul precision": the default lets recent GPUs round float32 factors to TF32. On a CPU the levels change
    nothing; an algorithm that is asked for by its name is taken everywhere. An argument `precision` of a call goes before
    this switch, and cannot be seen from outside: `computes_in` declares it.
    """
    return {**of_products(dtype, device), **({"quotients": "div.full"} if device == "cuda" else {})}


def of_products(dtype: str, device: str) -> dict[str, str | int]:
    """The level that is set, in our words."""
    said = jax.config.jax_default_matmul_precision
    if dtype != "float32" or said in FULL:
        return {}
    if said in BFLOAT16:
        return {"products": "bfloat16"}
    named = said is not None and said.startswith(("TF32", "BF16"))
    return {"products": "tf32"} if named or device != "cpu" else {}
