"""Probes: ways to make inputs hard. An input is drawn as (sizes, kind of values, seed): cheap, and it shrinks well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from veriformer.properties.seeds import generator_of
from veriformer.spec.numbers.precision import FLOAT32, FORMATS

Row = Mapping[str, Any]
"""One row of a component's menu of sizes: {"length": 3, "d_k": 4, "causal": True, ...}."""
Array = np.ndarray

BEYOND_16_BITS = 66_001
"""More than 65,536: what 16 bits count, the blocks along two of the three axes of a CUDA grid, the widest block of a Triton
kernel, and how many numbers a kernel for many arrays takes at a time."""


def ranked(*rows: Row) -> tuple[Row, ...]:
    """The rows with the rank of the first argument beside their batch, or shape, so that it may be narrowed."""
    return tuple({**row, "rank": len(row["shape"]) if "shape" in row else len(row["batch"]) + 2} for row in rows)


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of this name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


@dataclass(frozen=True)
class Draw:
    """A recipe for one input: everything random in it comes from `seed`."""

    row: Row
    kind: str
    seed: int
    dtype: str
    top: float
    """No magnitude above this is drawn, so that honest code need not overflow."""
    kinds: tuple[str, ...] = ()
    """The kinds that the law admits; all of them when empty."""
    menu: tuple[Row, ...] = ()
    """The sizes that the law may draw, for laws that need a second one."""
    gradients: bool = False
    """Does the law ask for gradients, whose intermediate results are larger?"""

    def __getitem__(self, size: str) -> Any:
        """A size of the row."""
        return self.row[size]

    def get(self, size: str, default: Any = None) -> Any:
        """A size of the row, if it has it."""
        return self.row.get(size, default)

    def rng(self, name: str) -> np.random.Generator:
        """The random numbers of one array."""
        return generator_of(self.seed, name)

    def array(self, name: str, shape: tuple[int, ...], kind: str | None = None) -> Array:
        """Values of the draw's kind; in one draw of three each array has a kind of its own."""
        rng = self.rng(name)
        if kind is None:
            kinds = self.kinds or tuple(KINDS)
            kind = kinds[rng.integers(len(kinds))] if self.seed % 3 == 2 else self.kind
        values = KINDS[kind](rng, shape, self.top, self.dtype)
        peak = np.abs(values).max(initial=0.0)
        return self.cast(values * (self.top / peak) if peak > self.top else values)

    def weights(self, name: str, shape: tuple[int, ...]) -> Array:
        """A matrix that keeps the size of what it multiplies, N(0, 1 / rows); small integers in one draw of four."""
        rng = self.rng(name)
        if self.seed % 4 == 3:
            return self.cast(rng.integers(-2, 3, shape).astype(np.float64))
        return self.cast(rng.standard_normal(shape) / np.sqrt(max(shape[0], 1)))

    def vector(self, name: str, length: int, around: float = 0.0) -> Array:
        """A bias or gain: normal about a value; in one draw of three exactly that value."""
        rng = self.rng(name)
        if self.seed % 3 == 1:
            return self.cast(np.full(length, around))
        return self.cast(around + rng.standard_normal(length) * 0.5)

    def grid(self, name: str, shape: tuple[int, ...], steps: int = 1024) -> Array:
        """Multiples of 1/64 up to `steps`/128, fewer where the dtype has not the digits: the sum of two is exact."""
        steps = min(steps, 2 ** FORMATS[self.dtype].digits)
        return self.cast(self.rng(name).integers(-steps // 2, steps // 2 + 1, shape) / 64.0)

    def integers(self, name: str, shape: tuple[int, ...], low: int, high: int) -> Array:
        """Whole numbers low ... high - 1."""
        return self.rng(name).integers(low, high, shape)

    def mask(self, name: str, shape: tuple[int, ...], *, empty_rows: bool = False, causal: bool = False) -> Array:
        """A mask that differs from row to row; every row keeps at least one entry, unless empty ones are wanted. Together with
        causality every query keeps a key: the first, the only one that all of them may see."""
        mask = self.scattered_or_padding(name, shape, empty_rows=empty_rows)
        if causal:
            mask[..., 0] = True
        return mask

    def scattered_or_padding(self, name: str, shape: tuple[int, ...], *, empty_rows: bool) -> Array:
        """Half of the masks are scattered; the others keep a stretch from the first entry on, or up to the last, as padding
        does."""
        rng = self.rng(name)
        mask = rng.random(shape) < rng.choice([0.3, 0.5, 0.8])
        if rng.random() < 0.5:
            lengths = rng.integers(0 if empty_rows else min(1, shape[-1]), shape[-1] + 1, lead(shape))
            lengths = np.where(rng.random(lengths.shape) < 0.3, shape[-1], lengths)
            place = np.arange(shape[-1])
            return np.asarray(place < lengths if rng.random() < 0.7 else place >= shape[-1] - lengths)
        if shape[-1] and not empty_rows:
            keep = rng.integers(0, shape[-1], (*shape[:-1], 1))
            mask |= np.arange(shape[-1]) == keep
        return np.asarray(mask)

    def permutation(self, name: str, length: int) -> Array:
        """A permutation that is not the identity, where there is one."""
        order = self.rng(name).permutation(length)
        return np.roll(order, 1) if length > 1 and np.array_equal(order, np.arange(length)) else order

    def cast(self, values: Array) -> Array:
        """Rounded to the dtype, and kept inside its range."""
        top = FORMATS[self.dtype].largest
        within = np.asarray(values, dtype=np.float64).clip(-top, top)
        return np.asarray(within.astype(numpy_dtype(self.dtype), order="C"))


Top = Callable[[str], float]
"""The largest magnitude to draw in a dtype."""


def power(exponent: float) -> Top:
    """The largest number of the dtype to some power: 1/2 where the component squares, less where it does more."""
    return lambda dtype: float(FORMATS[dtype].largest ** exponent)


SQUARES = power(0.5)
"""For components that square what they get."""


def deepest_score(dtype: str) -> float:
    """The largest score whose rounding leaves exp room: half an ulp of it is less than the range of its exponent; see
    bounds/attention.py."""
    form = FORMATS[dtype]
    return float(np.log2(form.largest) / form.u / 64)


def for_scores(share: float = 1.0) -> Top:
    """Magnitudes whose products, as scores, leave exp room. In half types also such that the rounding of a score, about
    16 u of it after scaling, is a small part of 1: beyond, the bound of honest weights says nothing."""

    def top(dtype: str) -> float:
        form = FORMATS[dtype]
        room = share * float(np.sqrt(deepest_score(dtype)))
        return room if form.digits >= FLOAT32.digits else min(room, float(np.sqrt(1 / (16 * form.u))))

    return top


Maker = Callable[[np.random.Generator, tuple[int, ...], float, str], Array]


def lead(shape: tuple[int, ...]) -> tuple[int, ...]:
    """One number for each row."""
    return (*shape[:-1], 1) if shape else ()


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return 2.0 * rng.integers(2, size=shape) - 1.0


def normal(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return rng.standard_normal(shape)


def integers(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return rng.integers(-8, 9, shape).astype(np.float64)


def ties(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    """-1, 0 and 1, the zeros of either sign: -0.0 is 0, and must be taken for nothing else."""
    return rng.integers(-1, 2, shape) * signs(rng, shape)


def constant(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return np.broadcast_to(3 * rng.standard_normal(lead(shape)), shape)


def one_hot(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    chosen = np.arange(shape[-1]) == rng.integers(0, max(shape[-1], 1), lead(shape)) if shape else np.True_
    return chosen * 10.0 ** rng.uniform(0, 3, lead(shape))


def repeated_rows(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return np.broadcast_to(rng.standard_normal((*shape[:-2], 1, shape[-1]) if len(shape) > 1 else shape), shape)


def large_at_the_end(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    """The last row stands out, or the last number of every row: what is lost, or read twice, where a loop over tiles ends is
    seen. Now and then it stands out so far that an exponential that was not shifted by it overflows."""
    values = rng.standard_normal(shape)
    factor = min(16.0 if rng.random() < 0.7 else 256.0, top)
    if len(shape) > 1 and rng.random() < 0.5:
        values[..., -1:, :] *= factor
    elif shape:
        values[..., -1:] *= factor
    return values


def small(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return 1e-3 * rng.standard_normal(shape)


def low_variance(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return rng.standard_normal(shape) * 10.0 ** rng.uniform(-4, -1.5, lead(shape))


def offset(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    """Far from zero compared with the spread: what one-pass variances and unshifted exponentials cannot bear."""
    return rng.standard_normal(shape) + signs(rng, lead(shape)) * 10.0 ** rng.uniform(1, 3, lead(shape))


def far_offset(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    """Whole rows beyond any constant that stands in for minus infinity."""
    furthest = min(11.0, 0.9 * np.log10(FORMATS[dtype].largest))
    furthest = min(furthest, np.log10(top))
    away = 10.0 ** rng.uniform(min(4.0, furthest), furthest, lead(shape))
    return 3 * rng.standard_normal(shape) + signs(rng, lead(shape)) * away


def outliers(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return rng.standard_normal(shape) * np.where(rng.random(shape) < 0.1, 100.0, 1.0)


def mixed(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return signs(rng, shape) * 10.0 ** rng.uniform(-6, 2, shape)


def large(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return rng.standard_normal(shape) * min(1e4, top)


def huge(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    return signs(rng, shape) * top * rng.uniform(0.05, 0.5, shape)


def denormal(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    form = FORMATS[dtype]
    return rng.integers(-50, 51, shape) * np.ldexp(1.0, form.emin - form.digits + 1)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], top: float, dtype: str) -> Array:
    """Rows at right angles (as far as they fit): every key equally far from every other."""
    if len(shape) < 2 or 0 in shape:
        return rng.standard_normal(shape)
    short, long = sorted(shape[-2:])
    basis, _ = np.linalg.qr(rng.standard_normal((*shape[:-2], long, short)))
    return (basis if shape[-1] == short else np.swapaxes(basis, -1, -2)) * np.sqrt(shape[-1])


KINDS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        integers, normal, ties, constant, one_hot, repeated_rows, small, low_variance, offset, outliers, mixed, large,
        orthogonal, large_at_the_end, far_offset, denormal, huge,
    )
}  # fmt: skip
"""Kinds of values, simplest first."""
