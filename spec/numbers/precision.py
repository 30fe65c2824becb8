"""Precision: the formats of floating-point numbers, and what an honest computation in them may round, and how much.

Every rounding constant of the product stands here, with its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np

POWER = 0x7FF << 52
"""The bits of a float64 that hold its exponent: alone, they are the power of two below it; of inf and nan, inf."""


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: `digits` of significand (the hidden one included), exponents from `emin`.

    IEEE 754-2019, table 3.5 (binary16, 32, 64); bfloat16 is binary32 cut to 8 digits.
    """

    name: str
    digits: int
    emin: int
    largest: float

    @cached_property
    def u(self) -> float:
        """Unit roundoff: rounding to nearest changes a normal number by at most this share of it."""
        return 2.0**-self.digits

    @cached_property
    def tiny(self) -> float:
        """The smallest normal number: with flush-to-zero everything below may become 0."""
        return 2.0**self.emin

    def half_ulp(self, magnitude: np.ndarray) -> np.ndarray:
        """Half a unit in the last place at this magnitude: how far rounding to nearest may go; inf at inf."""
        size = np.maximum(magnitude, self.tiny)  # below, as far apart as at the smallest normal number
        return (size.view(np.int64) & POWER).view(np.float64) * self.u

    def nearest(self, value: np.ndarray | np.float64) -> np.ndarray:
        """The number of this format nearest to a float64 value, ties to even; inf beyond the largest."""
        unit = 2.0 * self.half_ulp(np.abs(np.asarray(value)))
        with np.errstate(invalid="ignore"):
            rounded = np.where(np.isfinite(unit), np.rint(value / unit) * unit, value)
        return np.where(np.abs(rounded) > self.largest, np.copysign(np.inf, value), rounded)

    def includes(self, dtype: np.dtype) -> bool:
        """Are all finite numbers of a NumPy dtype numbers of this format?"""
        other = format_of(dtype)
        if other is None:
            return False
        smallest, other_smallest = self.emin - self.digits, other.emin - other.digits
        return other.digits <= self.digits and other.largest <= self.largest and other_smallest >= smallest

    def holds(self, value: np.ndarray) -> np.ndarray:
        """Is a float64 value exactly a number of this format?"""
        size = np.abs(np.asarray(value, dtype=np.float64))
        beyond = size.view(np.int64) & ((1 << max(FLOAT64.digits - self.digits, 0)) - 1)
        whole, faint = beyond == 0, (size < self.tiny) & (size > 0)
        if faint.any():
            of_smallest = np.minimum(size, self.tiny) / (self.tiny * 2 * self.u)
            whole = np.where(faint, of_smallest % 1 == 0, whole)
        return np.asarray(whole & (size <= self.largest))


FLOAT64 = Format("float64", 53, -1022, float(np.finfo(np.float64).max))
FLOAT32 = Format("float32", 24, -126, float(np.finfo(np.float32).max))
BFLOAT16 = Format("bfloat16", 8, -126, float(2.0**127 * (2 - 2.0**-7)))
FLOAT16 = Format("float16", 11, -14, 65504.0)
TF32 = Format("tf32", 11, -126, float(np.finfo(np.float32).max))
FORMATS = MappingProxyType({format.name: format for format in (FLOAT64, FLOAT32, BFLOAT16, FLOAT16, TF32)})


@lru_cache
def format_of(dtype: np.dtype) -> Format | None:
    """The format of a NumPy dtype, if it is one of these."""
    return FORMATS.get(dtype.name)


class Roundoffs(Mapping[str, float]):
    """Name of an operation -> how far an honest one may be from the exact result, in unit roundoffs of it."""

    def __init__(self, own: Mapping[str, float]) -> None:
        self.own = own

    def __getitem__(self, name: str) -> float:
        return self.own[name] * (FUNCTIONS_COUNT.get() if name in FUNCTIONS else 1.0)

    def __iter__(self) -> Iterator[str]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)


FUNCTIONS = ("exp", "log", "tanh", "sin", "cos", "erf", "sigmoid", "power")
"""What a library evaluates by a polynomial or a table; the other operations are done by the machine."""
FUNCTIONS_COUNT: ContextVar[float] = ContextVar("FUNCTIONS_COUNT", default=1.0)
"""By how much their errors count; see `without`."""
ROUNDOFFS = Roundoffs(
    {
        "add": 1.0,
        "multiply": 1.0,
        # IEEE 754 asks for 1 (half an ulp), which is what NumPy, PyTorch and JAX measure on CPU; see also QUOTIENTS.
        "divide": 2.0,
        "sqrt": 2.0,
        # 1 / sqrt: measured 1.48 | 1.48 | 1.63 ulp for NumPy 2.4 | PyTorch 2.13 | JAX 0.10 on CPU, 2e6 points each.
        "rsqrt": 4.0,
        # Measured the same way: exp 2.35 | .56 | .98 ulp, log 3.44 | .81 | 1.02, tanh 1.37 | .51 | 4.61,
        # sin 1.46 | .60 | .56. CUDA C++ Programming Guide: expf 1, logf 1, tanhf 2, sinf 2 ulp.
        "exp": 6.0,
        "log": 8.0,
        "tanh": 12.0,
        "sin": 4.0,
        "cos": 4.0,
        # Libraries evaluate erf to a constant absolute error, about 1e-7 in float32: this one is absolute.
        "erf": 8.0,
        # 1 / (1 + exp(-x)), or (1 + tanh(x / 2)) / 2 as XLA has it, whose error is absolute: half of tanh's, two roundings.
        # Measured: 2.37 ulp for PyTorch 2.13 and JAX 0.10.
        "sigmoid": 8.0,
        # x^y: measured 1.43 | .60 | .77 ulp in the same way, for 0.98^t, n^-0.5, n^-1.5 and arbitrary x and y; CUDA C++
        # Programming Guide: powf 4 ulp.
        "power": 8.0,
    }
)
"""How far an honest library may be from the exact function, in unit roundoffs (half ulps) of the result.

On an H100 `python -m tests.power functions` measures the same or less, division apart.
"""
QUOTIENTS = MappingProxyType({"div.full": 4.0})
"""How far a quotient in float32 may be off by the instruction that divides: "maximum relative error 2 ulp" (PTX ISA, "Floating
Point Instructions: div"). XLA and Triton divide so on GPUs; measured on an H100: 2.52 unit roundoffs for JAX 0.11."""

OUTWARD = 1.0 + 2.0**-43
"""A bound is itself computed in float64, by fewer than 2^10 operations in a row, each good to 2^-53."""


@dataclass(frozen=True)
class Precision:
    """What is assumed of an implementation's arithmetic.

    output: the dtype of arguments and results. step: what each single operation may round to. product: what the factors
    of a matrix product may round to. accumulator: the format of sums. flush: may numbers below the smallest normal one
    become 0? (XLA does so on CPU, GPUs often.) layer: results of components are rounded to the output format.
    partial_sums: the format in which a matrix product may put together sums of at least `terms` products, if it is narrower
    than the accumulator (split-K kernels; cuBLAS, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION forbids it).
    divide: by how many unit roundoffs of the step a quotient may be off.
    """

    output: Format
    step: Format
    product: Format
    accumulator: Format
    layer: bool = False
    flush: bool = True
    partial_sums: Format | None = None
    terms: int = 1
    divide: float = ROUNDOFFS["divide"]

    @property
    def quotient(self) -> float:
        """A quotient, or a product with a reciprocal, in unit roundoffs."""
        return self.divide + 1

    @property
    def rounds_between(self) -> bool:
        """Is anything rounded to a narrower format on the way, factors of products, or results of components?"""
        return self.layer or self.rounds_factors

    @property
    def rounds_factors(self) -> bool:
        """Are the factors of matrix products rounded to a narrower format?"""
        return self.product.digits < self.step.digits

    @property
    def flushes(self) -> bool:
        """Are results below the smallest normal number of the step lost? Never in float16, where a tenth of a
        thousandth would be."""
        return self.flush and self.step is not FLOAT16


def precision_of(
    dtype: str,
    contract: str = "eager",
    *,
    computes_in: str | None = None,
    accumulates_in: str | None = None,
    switches: Mapping[str, str | int] = MappingProxyType({}),
) -> Precision:
    """The precision that a dtype implies under `eager` or `layer`, with what was declared beyond it, and, where nothing was,
    what the framework's switches allow matrix products: `products`, `partial_sums` and `terms`; `quotients`, the
    instruction that divides in float32.

    Half types accumulate in float32 unless declared otherwise (NumPy's own bfloat16 sums stick at 256). `computes_in` says
    that less is kept than the dtype would: a wider format promises nothing (that is `layer`), since who casts float64 down
    to float32 casts half types up to it for a part of the way only.
    """
    output = FORMATS[dtype]
    half = output.digits < FLOAT32.digits
    step = FLOAT32 if half and contract == "layer" else output
    product, accumulator = output, FLOAT32 if half else output
    if computes_in is not None and FORMATS[computes_in].digits > step.digits:
        computes_in = None
    if computes_in == "tf32":
        product = min(TF32, output, key=lambda form: form.digits)
        step, accumulator = (FLOAT32, FLOAT32) if output is FLOAT64 else (step, accumulator)
    elif computes_in is not None:
        step = product = accumulator = FORMATS[computes_in]
    if computes_in is None and "products" in switches:
        product = FORMATS[str(switches["products"])]
    partial = None
    if accumulates_in is not None:
        accumulator = FORMATS[accumulates_in]
    elif computes_in is None and "partial_sums" in switches:
        partial = FORMATS[str(switches["partial_sums"])]
    terms = int(switches.get("terms", 1))
    return Precision(
        output,
        step,
        product,
        accumulator,
        layer=step.digits > output.digits,  # what is computed in more than it is answered in is rounded in the end
        partial_sums=partial,
        terms=terms if partial else 1,
        divide=QUOTIENTS.get(str(switches.get("quotients")), ROUNDOFFS["divide"])
        if step is FLOAT32
        else ROUNDOFFS["divide"],
    )


def gamma(n: float, u: float) -> float:
    """gamma_n = n u / (1 - n u): relative error of n roundings in a row, in any order of summation.

    Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1; infinite where it does not hold.
    """
    return n * u / (1.0 - n * u) if n * u < 1.0 else float("inf")


TERMS = MappingProxyType(
    {
        "rounding": "sums of two, products, quotients and constants, each rounded once",
        "sums": "long sums and matrix products, in the format that they are kept in",
        "functions": "what a library's exp, log, tanh or erf may be off",
        "denormal": "numbers below the smallest normal one, rounded coarsely or flushed to 0",
        "factors": "factors of matrix products, rounded to a narrower format",
        "results": "results of components, rounded to the dtype",
    }
)
"""The parts of a bound, each of which can be switched off; see `without`."""
MANY = 200
"""Digits of a format in which nothing is rounded, as seen beside float64."""


@contextmanager
def without(term: str, precision: Precision) -> Iterator[Precision]:
    """The precision under which one term of every bound is 0, inside the block: to see how much of a bound it makes.

    A format is replaced by one of 200 digits. Where the step is, the errors of library functions, which are counted in unit
    roundoffs of the step, are counted so much more often.
    """
    count, changed = 1.0, precision
    if term == "rounding":
        count = 2.0 ** (MANY - precision.step.digits)
        changed = replace(precision, step=replace(precision.step, digits=MANY))
    elif term == "sums":
        changed = replace(precision, accumulator=replace(precision.accumulator, digits=MANY), partial_sums=None)
    elif term == "functions":
        count = 0.0
    elif term == "denormal":
        step, accumulator = (replace(form, emin=FLOAT64.emin) for form in (precision.step, precision.accumulator))
        changed = replace(precision, step=step, accumulator=accumulator, flush=False)
    elif term == "factors":
        changed = replace(precision, product=precision.step)
    elif term == "results":
        changed = replace(precision, layer=False)
    else:
        raise ValueError(f"no term {term!r}: one of {', '.join(TERMS)}")
    before = FUNCTIONS_COUNT.set(count)
    try:
        yield changed
    finally:
        FUNCTIONS_COUNT.reset(before)
